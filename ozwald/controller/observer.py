"""Looks at one host in a thread of its own, so that one that hangs keeps no other waiting."""

import logging
import random
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Final

from ozwald.controller.backoff import Backoff
from ozwald.controller.leadership import elapsed
from ozwald.errors import HostError
from ozwald.execution.observe import containers_of
from ozwald.model.host import Host
from ozwald.model.observation import Observation
from ozwald.model.resources import HostResources
from ozwald.planning.shares import without_released
from ozwald.planning.status import status_of
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Engine, EventStream
from ozwald.remote.fleet import Fleet
from ozwald.remote.probe import probe

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0
# A look takes milliseconds; who answers none for so long counts as silent while the look goes on.
HUNG_S: Final = 6.0
FACTS_S: Final = 300.0
# Containers that end and start by the second are looked at that often.
BREATH_S: Final = 0.2
FIRST_RETRY_S: Final = 1.0
LAST_RETRY_S: Final = 8.0
WITHOUT_EVENTS_S: Final = 600.0
NOT_YET: Final = "it has not been looked at yet"
NO_ANSWER: Final = f"no answer within {HUNG_S:g} s"
NEVER: Final = float("-inf")


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is known of one host.

    `observation` is the last that was made, begun at `begun_at`; `facts_at` is when its hardware was last asked for,
    both in seconds that also count while the machine sleeps. `problem` is why the last look failed.
    """

    observation: Observation | None = None
    begun_at: float = NEVER
    facts_at: float = NEVER
    problem: str = NOT_YET


def in_a_thread(work: Callable[[], None], name: str) -> None:
    """Does the work in a thread that nobody waits for."""
    threading.Thread(target=work, name=name, daemon=True).start()


class Observer:
    """One host's look, made anew every few seconds and whenever its engine tells of something.

    `on_news` is called when a look shows something else than the one before, or was asked for.
    """

    def __init__(
        self,
        host: Host,
        fleet: Fleet,
        *,
        on_news: Callable[[], None],
        dice: random.Random,
        probe: Callable[[HostConnection], HostResources] = probe,
        now: Callable[[], float] = elapsed,
        aside: Callable[[Callable[[], None], str], None] = in_a_thread,
    ) -> None:
        self._host, self._fleet = host, fleet
        self._on_news, self._probe, self._now, self._aside = on_news, probe, now, aside
        self._backoff = Backoff(dice, first_s=FIRST_RETRY_S, longest_s=LAST_RETRY_S)
        self._dice = dice
        self._lock = threading.Lock()
        self._look = Look()
        self._asking_since: float | None = None
        self._connection: HostConnection | None = None
        self._events: EventStream | None = None
        self._is_probing = self._is_following = False
        self._followed_at = NEVER
        self._due, self._ended = threading.Event(), threading.Event()

    @property
    def look(self) -> Look:
        """The last look."""
        return self._look

    def problem(self) -> str:
        """Why the host does not answer now; empty when it does."""
        since = self._asking_since
        return NO_ANSWER if since is not None and self._now() - since >= HUNG_S else self._look.problem

    def hangs_at(self) -> float | None:
        """When the host will count as silent unless it answers, or None."""
        since = self._asking_since
        return None if since is None or self._look.problem else since + HUNG_S

    def look_soon(self) -> None:
        """Has the host looked at now, unless it fails and is left alone for a moment."""
        self._due.set()

    def forget_facts(self) -> None:
        """Has the hardware looked at again with the next look."""
        with self._lock:
            self._look = replace(self._look, facts_at=NEVER)

    def run(self) -> None:
        """Looks until it is ended."""
        while not self._ended.is_set():
            is_asked = self._due.is_set()
            self._due.clear()
            self.look_now(is_asked=is_asked)
            self._rest()

    def end(self) -> None:
        """Lets no further look begin."""
        self._ended.set()
        self._due.set()
        events = self._events
        if events is not None:
            events.close()

    def look_now(self, *, is_asked: bool = True) -> None:
        """One look, whatever comes of it."""
        before, begun_at = self._look, self._now()
        self._asking_since = begun_at
        try:
            connection = self._fleet.connection(self._host)
            self._notice(connection)
            engine = connection.engine()
            containers = containers_of(engine)
            resources = before.observation.resources if before.observation else self._probe_first(connection)
            self._keep(begun_at, Observation(resources=resources, containers=containers))
            self._backoff.worked(self._host.name)
            self._probe_when_due(connection)
            self._follow(engine)
        except HostError as error:
            self._fail(error.message)
        except Exception as mistake:
            log.exception("%s: a look failed", self._host.name)
            self._fail(f"{type(mistake).__name__}: {mistake}; this is a mistake in ozwald")
        finally:
            self._asking_since = None
        if is_asked or _shown(before) != _shown(self._look):
            self._on_news()

    def _notice(self, connection: HostConnection) -> None:
        """A reboot ends every connection, so a new one may be to a host that is another now."""
        if connection is not self._connection:
            self._connection = connection
            self.forget_facts()

    def _keep(self, begun_at: float, seen: Observation) -> None:
        if self._look.problem not in ("", NOT_YET):
            log.info("%s: it answers again", self._host.name)
        with self._lock:
            known = self._look.observation
            if known:
                seen = replace(seen, resources=without_released(known.resources, known.containers, seen.containers))
            self._look = replace(self._look, observation=seen, begun_at=begun_at, problem="")

    def _fail(self, problem: str) -> None:
        if self._look.problem != problem:
            log.warning("%s: %s", self._host.name, problem)
        self._backoff.failed(self._host.name, self._now())
        self._give_up_following()
        with self._lock:
            self._look = replace(self._look, problem=problem)

    def _probe_first(self, connection: HostConnection) -> HostResources:
        facts = self._probe(connection)
        with self._lock:
            self._look = replace(self._look, facts_at=self._now())
        return facts

    def _probe_when_due(self, connection: HostConnection) -> None:
        """A maker's tool may take half a minute, which is not to keep the containers unseen."""
        if not self._is_probing and self._now() - self._look.facts_at > FACTS_S:
            self._is_probing = True
            self._aside(lambda: self._probe_again(connection), f"facts-{self._host.name}")

    def _probe_again(self, connection: HostConnection) -> None:
        """Facts that cannot be had now stay as they were."""
        asked_at, facts, before = self._now(), None, self._look.observation
        try:
            facts = self._probe(connection)
        except HostError as error:
            log.warning("%s: its hardware cannot be looked at: %s", self._host.name, error.message)
        finally:
            with self._lock:
                seen = self._look.observation
                if facts is not None and seen is not None:
                    facts = without_released(facts, before.containers if before else (), seen.containers)
                    self._look = replace(self._look, observation=replace(seen, resources=facts))
                self._look = replace(self._look, facts_at=asked_at)
            self._is_probing = False
        self._on_news()

    def _follow(self, engine: Engine) -> None:
        """An engine whose streams end at once is asked for another only now and then."""
        now = self._now()
        if not self._is_following and now - self._followed_at >= LOOK_EVERY_S and not self._ended.is_set():
            self._is_following, self._followed_at = True, now
            self._aside(lambda: self._follow_events(engine), f"events-{self._host.name}")

    def _give_up_following(self) -> None:
        """A stream may hold the last of the few sessions that a host allows."""
        events, connection = self._events, self._connection
        if events is not None and connection is not None and connection.is_open():
            self._followed_at = self._now() + WITHOUT_EVENTS_S
            events.close()

    def _follow_events(self, engine: Engine) -> None:
        """What happened before the stream began is found by one more look, and so is what a lost one did not tell."""
        try:
            with closing(engine.events()) as events:
                self._events = events
                self._due.set()
                while not self._ended.is_set() and events.read():
                    self._due.set()
        except HostError as error:
            log.debug("%s: %s", self._host.name, error)
        finally:
            self._events, self._is_following = None, False

    def _rest(self) -> None:
        if self._look.problem:
            due = self._backoff.next_due(self._now())
            self._ended.wait(max(0.0, due - self._now()) if due is not None else FIRST_RETRY_S)
            return
        self._ended.wait(BREATH_S)
        self._due.wait(LOOK_EVERY_S * self._dice.uniform(0.8, 1.0))


def _shown(look: Look) -> tuple[object, ...]:
    """What of a look makes a difference to others."""
    containers = look.observation.containers if look.observation else ()
    return look.problem, {(one.id, one.name, one.state, status_of(one)) for one in containers}
