"""Takes requests: what is accepted here is on disk before the answer goes out."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from ozwald.controller.leadership import ALONE, Leadership
from ozwald.controller.reporter import Reporter
from ozwald.errors import OzwaldError, StateError
from ozwald.execution.intent import last_generation, store
from ozwald.model.active import ActiveService
from ozwald.model.history import Author
from ozwald.model.plan import InstanceKey
from ozwald.model.request import InstanceRequest
from ozwald.model.settings import Settings
from ozwald.model.wanted import WantedSet
from ozwald.planning.asking import Ask, Same, persistent_of, wanted_after
from ozwald.planning.persistent import persistent_requests
from ozwald.planning.restart import owed_restarts
from ozwald.state.home import DataFolder
from ozwald.state.locks import Busy
from ozwald.state.wanted import PATIENCE_S, changing_wanted, read_wanted, wanted_path

SETTINGS: Final = Author(owner="settings", command="persistent-services")


class GenerationMoved(OzwaldError):
    """Somebody else has changed the wanted set since the caller read it."""

    http_status = 409


class Crowded(StateError):
    """Others have been changing the wanted set for as long as a request may wait; nothing was changed."""


class Desk:
    """One provisioner's wanted set, as requests change it; `wake` tells the loop, and `on_stored` whoever copies it."""

    def __init__(
        self,
        settings: Settings,
        home: DataFolder,
        provisioner: str,
        wake: Callable[[], None],
        *,
        leadership: Leadership = ALONE,
        on_stored: Callable[[], None] = lambda: None,
        reporter: Reporter | None = None,
    ) -> None:
        self.settings = settings
        self._home = home
        self._provisioner = provisioner
        self.wake = wake
        self._leadership = leadership
        self._on_stored = on_stored
        self._reporter = reporter or Reporter()

    def wanted(self) -> WantedSet | None:
        """What is stored; raises StateError when that is damaged."""
        return read_wanted(wanted_path(self._home, self._provisioner))

    def submit(self, ask: Ask, *, author: Author, expected: int | None = None, wait_s: float = PATIENCE_S) -> WantedSet:
        """Makes what is asked for durable as a new generation and wakes the loop.

        Asking for what is wanted already changes nothing. `expected` is the generation that the caller knows, `wait_s`
        how long others may be changing the set.

        Raises:
            RequestError: the request does not make sense.
            GenerationMoved: the wanted set is of another generation than expected.
            NotLeading: another controller is the active one.
            Crowded: others were changing the set all that time.
            StateError: it could not be written; nothing has changed.
        """
        return self._change(lambda stored: self._after(ask, stored), author, expected, wait_s)

    def restart(
        self,
        keys: Sequence[InstanceKey],
        services: Sequence[ActiveService],
        *,
        author: Author,
        expected: int | None = None,
        wait_s: float = PATIENCE_S,
    ) -> WantedSet:
        """Makes durable, as `submit` does, that the containers which these services have now are restarted once.

        Raises:
            As `submit`.
        """

        def owing(stored: WantedSet | None) -> WantedSet:
            wanted = stored or WantedSet(generation=0)
            return replace(wanted, restarts=owed_restarts(keys, wanted, services))

        return self._change(owing, author, expected, wait_s)

    def _change(
        self, change: Callable[[WantedSet | None], WantedSet], author: Author, expected: int | None, wait_s: float
    ) -> WantedSet:
        with self._changing(wait_s) as path:
            self._leadership.check()
            stored = read_wanted(path)
            generation = stored.generation if stored else 0
            if expected is not None and expected != generation:
                raise GenerationMoved(f"the wanted set is at generation {generation}, not {expected}: read it again")
            wanted = change(stored)
            if stored is None or _asks(wanted) != _asks(stored):
                wanted = replace(wanted, generation=generation + 1)
                store(wanted, stored, home=self._home, provisioner=self._provisioner, author=author, at=time.time())
                self._reporter.accepted(wanted, stored, author)
        self._on_stored()
        self.wake()
        return wanted

    def keep_persistent(self) -> None:
        """Has the set want what is persistent by the settings, and no more what was.

        A set that is lost stays so: what it wanted besides would be stopped.

        Raises:
            NotLeading, StateError: as `submit`.
        """
        stored = self.wanted()
        asked = self._persistent() or persistent_of(stored)
        is_lost = stored is None and last_generation(self._home, self._provisioner) > 0
        if asked and not is_lost and (stored is None or self._after(Same(), stored) != stored):
            self.submit(Same(), author=SETTINGS)

    def _after(self, ask: Ask, stored: WantedSet | None) -> WantedSet:
        known = self.settings.inventory.hosts
        return wanted_after(ask, stored, known=known, looked_at=known, persistent=self._persistent())

    def _persistent(self) -> tuple[InstanceRequest, ...]:
        return persistent_requests(self.settings.realms, self.settings.inventory)

    @contextmanager
    def _changing(self, wait_s: float) -> Iterator[Path]:
        with ExitStack() as stack:
            try:
                path = stack.enter_context(changing_wanted(self._home, self._provisioner, wait_s=wait_s))
            except Busy as busy:
                raise Crowded(
                    f"the wanted set is being changed by others (process {busy.holder}), for longer than this may "
                    "wait; nothing was changed: ask again"
                ) from busy
            yield path


def _asks(wanted: WantedSet) -> object:
    """What of a set was asked for; the rest is kept beside it."""
    return wanted.instances, wanted.restarts
