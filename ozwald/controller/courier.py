"""The one thread that talks to Redis: it holds the lease, mirrors what has to last, and knows whether Redis works."""

import logging
import threading
from collections.abc import Callable

from ozwald.controller.documents import QueueDocument, WantedDocument
from ozwald.controller.leadership import Leadership, elapsed
from ozwald.controller.mirror import Mirror
from ozwald.controller.shared import Shared
from ozwald.errors import StateError
from ozwald.state.cache import Cache
from ozwald.state.home import DataFolder
from ozwald.state.lease import Candidate, Held

log = logging.getLogger(__name__)

SYNC_S = 0.5


class Courier:
    """Takes turns with Redis, some seconds apart; `on_change` is called when this one has become the active one.

    `on_turn` is told, after each turn, what is wrong with Redis.
    """

    def __init__(
        self,
        cache: Cache,
        leadership: Leadership,
        candidate: Candidate,
        home: DataFolder,
        provisioner: str,
        *,
        shared: Shared,
        on_change: Callable[[], None] = lambda: None,
        on_turn: Callable[[str], None] = lambda problem: None,
        now: Callable[[], float] = elapsed,
    ) -> None:
        self._cache = cache
        self._leadership = leadership
        self._candidate = candidate
        self._home = home
        self._wanted = Mirror(WantedDocument(home, provisioner), cache, candidate)
        self._queue = Mirror(QueueDocument(home, provisioner), cache, candidate)
        self._shared = shared
        self._on_change = on_change
        self._on_turn = on_turn
        self._now = now
        self._is_known = False
        self._problem = "Redis has not been asked yet"
        self._woken, self._stopped = threading.Event(), threading.Event()
        self._turned = threading.Condition()
        self._begun = self._ended = 0

    def problem(self) -> str:
        """Why Redis could not be used when it was last asked, or nothing."""
        return self._problem

    def run(self) -> None:
        """Turns until it is stopped; then another controller may take over at once."""
        while not self._stopped.is_set():
            self._woken.clear()
            self.turn()
            self._woken.wait(self._leadership.rest_s)
        self._release()

    def stop(self) -> None:
        """Ends the turns."""
        self._stopped.set()
        self._woken.set()

    def wake(self) -> None:
        """Has Redis told soon of what was just written."""
        self._woken.set()

    def sync(self) -> None:
        """Has Redis told of what was just written; returns when it is, or after half a second."""
        with self._turned:
            needed = self._begun + 1
            self._woken.set()
            self._turned.wait_for(lambda: self._ended >= needed, SYNC_S)

    def turn(self) -> None:
        """Asks Redis once, whatever comes of it."""
        with self._turned:
            self._begun += 1
        problem = self._problem_of(self._meet)
        if problem:
            self._leadership.silent()
        with self._turned:
            self._ended = self._begun
            self._turned.notify_all()
        problem = problem or self._problem_of(self._exchange)
        if problem:
            self._shared.start_over()
        self._note(problem)

    def _problem_of(self, exchange: Callable[[], None]) -> str:
        try:
            exchange()
        except StateError as error:
            return str(error)
        except Exception:
            log.exception("a turn with Redis failed")
            return "the exchange with Redis failed; see the provisioner's log"
        return ""

    def _exchange(self) -> None:
        """What nobody waits for, and what must not be in the lease's way."""
        if self._leadership.leads:
            self._shared.keep()
        elif self._is_known:
            self._shared.take()

    def _meet(self) -> None:
        leadership, asked_at = self._leadership, self._now()
        is_known = self._is_known = self._shares_identity()
        held = self._cache.claim(self._candidate, may_take=leadership.may_take(asked_at))
        if held.is_mine and not leadership.leads:
            self._begin_to_lead(held, asked_at)
            return
        if not held.is_mine and leadership.leads:
            log.warning("another controller has taken over: %s; this one stands by", held.shown)
        leadership.told(held, asked_at)
        if held.is_mine:
            self._keep_what_others_need(is_known)
        elif is_known:
            self._take_over()

    def _begin_to_lead(self, held: Held, asked_at: float) -> None:
        try:
            self._take_over()
            self._keep_what_others_need(False)
        except StateError:
            self._release()
            raise
        self._leadership.told(held, asked_at)
        self._shared.start_over()
        log.info("this controller is the active one")
        self._on_change()

    def _take_over(self) -> None:
        self._wanted.take()
        self._queue.take()

    def _keep_what_others_need(self, knows_us: bool) -> None:
        """Redis may have been flushed, or be another one, since the last turn."""
        if self._wanted.keep():
            self._on_change()
        self._queue.keep()
        if not knows_us:
            self._cache.share_id(self._home.controller_id())

    def _shares_identity(self) -> bool:
        """Whether Redis knows this as one of the controllers that share an id: to the hosts they are one.

        What runs there already must not become a stranger's: a folder where something was asked for keeps its own id.
        """
        shared, own = self._cache.controller_id(), self._home.controller_id()
        if shared is None or shared == own:
            return shared == own
        if self._leadership.is_alone:
            return False
        if self._leadership.leads or not self._home.become(shared):
            raise StateError(
                f"Redis knows this provisioner by the controller id {shared}; the data folder {self._home.path} has "
                f"wanted sets or requests for footprints of another, {own}: give the provisioner another name, or "
                "start with an empty OZWALD_HOME"
            )
        log.info("this controller shares the id %s", shared)
        return True

    def _release(self) -> None:
        try:
            self._cache.release(self._candidate)
        except StateError as error:
            log.warning("%s; another controller can take over when the lease has run out", error)

    def _note(self, problem: str) -> None:
        if problem != self._problem:
            log.warning("%s", problem) if problem else log.info("Redis works")
        self._problem = problem
        self._on_turn(problem)
