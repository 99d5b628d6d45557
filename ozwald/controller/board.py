"""What the loop has last seen, for everybody who asks: handlers read it and never touch a host."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from ozwald.model.active import ActiveService
from ozwald.model.resources import HostResources


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One pass's outcome.

    `number` grows with every pass that changed something a reader sees, `at` and `wall` say when the pass ended:
    seconds on the monotonic clock and since the epoch. `hosts` has an entry for each managed host: why it cannot be
    reached, empty when it can. `resources` may be older than the controller's start where a host is silent since then.
    """

    number: int = 0
    at: float = 0.0
    generation: int = 0
    services: tuple[ActiveService, ...] = ()
    resources: Mapping[str, HostResources] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""


class Board:
    """Holds the latest view, whose waiting readers are woken by a newer one, and which hosts they want looked at.

    Each of `on_view` is called with the view before and the new one, by the thread that publishes.
    """

    def __init__(self, *on_view: Callable[[View, View], None]) -> None:
        self._on_view = on_view
        self._view = View()
        self._changed = threading.Condition()
        self._to_probe: set[str] = set()
        self._recalled: Mapping[str, HostResources] = {}

    def publish(self, view: View) -> None:
        """Shows a new view to everybody; hosts without facts have those that were recalled."""
        with self._changed:
            before, self._view = self._view, self._with_recalled(view)
            view = self._view
            self._changed.notify_all()
        for tell in self._on_view:
            tell(before, view)

    def recall(self, facts: Mapping[str, HostResources]) -> None:
        """Has facts of hosts from before the controller's start, to be shown until there are others."""
        with self._changed:
            self._recalled = facts
            self._view = self._with_recalled(self._view)

    @property
    def view(self) -> View:
        """The latest view."""
        return self._view

    def ask_to_probe(self, hosts: Iterable[str]) -> None:
        """Has the loop look at the hardware of these hosts at its next pass."""
        with self._changed:
            self._to_probe.update(hosts)

    def take_to_probe(self) -> frozenset[str]:
        """Which hosts are to be looked at; they are not named again."""
        with self._changed:
            asked = frozenset(self._to_probe)
            self._to_probe.clear()
            return asked

    def _with_recalled(self, view: View) -> View:
        recalled = {host: facts for host, facts in self._recalled.items() if host in view.hosts}
        return replace(view, resources={**recalled, **view.resources})
