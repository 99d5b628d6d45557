"""What the loop has last seen, for everybody who asks: handlers read it and never touch a host."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from ozwald.model.active import ActiveService
from ozwald.model.resources import HostResources


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One pass's outcome.

    `number` grows with every pass that changed something a reader sees, `at` and `wall` say when the pass ended:
    seconds on the monotonic clock and since the epoch. `hosts` has an entry for each managed host: why it cannot be
    reached, empty when it can.
    """

    number: int = 0
    at: float = 0.0
    generation: int = 0
    services: tuple[ActiveService, ...] = ()
    resources: Mapping[str, HostResources] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


class Board:
    """Holds the latest view; whoever waits for a newer one is woken."""

    def __init__(self) -> None:
        self._view = View()
        self._changed = threading.Condition()

    def publish(self, view: View) -> None:
        """Shows a new view to everybody."""
        with self._changed:
            self._view = view
            self._changed.notify_all()

    @property
    def view(self) -> View:
        """The latest view."""
        return self._view
