"""From what is asked for to a durable intent: which instances are wanted, what that changes, written down first."""

import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from ozwald.errors import StateError
from ozwald.execution.closer import Scrutiny, plan_closely
from ozwald.execution.observe import observe
from ozwald.execution.steps import Result
from ozwald.model.history import Author, Generation
from ozwald.model.host import Host
from ozwald.model.plan import Plan
from ozwald.model.settings import Settings
from ozwald.model.wanted import WantedSet
from ozwald.planning.asking import Ask, wanted_after
from ozwald.planning.persistent import persistent_requests
from ozwald.planning.planner import placed_as
from ozwald.planning.set_changes import changes
from ozwald.planning.situation import Situation
from ozwald.remote.fleet import Fleet
from ozwald.state.history import History
from ozwald.state.home import DataFolder
from ozwald.state.wanted import changing_wanted, read_wanted, wanted_path, write_wanted

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A wanted set with the plan that brings it about; nothing has been changed yet.

    The rest is what it was made from: what was asked for and how closely to look, the set stored `before`, and what
    was seen.
    """

    wanted: WantedSet
    plan: Plan
    ask: Ask
    scrutiny: Scrutiny
    before: WantedSet | None
    situation: Situation


def intend(
    ask: Ask,
    *,
    settings: Settings,
    hosts: Mapping[str, Host],
    fleet: Fleet,
    home: DataFolder,
    provisioner: str,
    scrutiny: Scrutiny | None = None,
) -> Intent:
    """Plans for what is asked, with one look at these hosts. Only reads.

    Raises:
        RequestError: nothing was ever asked for, or the request does not make sense.
        NothingReachable: not one host answered.
    """
    stored = read_wanted(wanted_path(home, provisioner))
    known, persistent = settings.inventory.hosts, persistent_requests(settings.realms, settings.inventory)
    wanted_after(ask, stored, known=known, looked_at=hosts, persistent=persistent)  # refused before any host is asked
    desk = _Desk(settings=settings, fleet=fleet, home=home, provisioner=provisioner)
    external = any(network.external for realm in settings.realms.values() for network in realm.networks.values())
    situation = observe(fleet, settings.inventory, hosts, controller=home.controller_id(), with_networks=external)
    return desk.plan(ask, stored, situation, scrutiny or Scrutiny())


def make_durable(
    intent: Intent,
    *,
    settings: Settings,
    fleet: Fleet,
    home: DataFolder,
    provisioner: str,
    author: Author,
    now: Callable[[], float] = time.time,
) -> Intent:
    """Writes the wanted set and its generation down, and returns the intent to carry out.

    Another process may have changed the set since it was read: then the request is merged into the new one, and
    planned again from what was seen, before the next try.

    Raises:
        RequestError: the request does not make sense any more.
        StateError: it cannot be written; nothing may be changed then.
    """
    desk = _Desk(settings=settings, fleet=fleet, home=home, provisioner=provisioner)
    while True:
        with changing_wanted(home, provisioner) as path:
            stored = read_wanted(path)
            if stored == intent.before:
                if intent.wanted != stored:
                    store(intent.wanted, stored, home=home, provisioner=provisioner, author=author, at=now())
                return intent
        intent = desk.plan(intent.ask, stored, intent.situation, intent.scrutiny)


def forget_restarts(results: Iterable[Result], *, home: DataFolder, provisioner: str) -> None:
    """Writes down that restarts which were owed are done; what cannot be written is only done once more."""
    done = {(result.operation.host, result.operation.container_id) for result in results if result.is_done}
    try:
        with changing_wanted(home, provisioner) as path:
            stored = read_wanted(path)
            owed = [one for one in stored.restarts if (one.host, one.container_id) not in done] if stored else []
            if stored is not None and len(owed) < len(stored.restarts):
                write_wanted(path, replace(stored, restarts=tuple(owed)))
    except StateError as error:
        log.warning("restarts that are done may be done once more: %s", error)


def store(
    wanted: WantedSet, before: WantedSet | None, *, home: DataFolder, provisioner: str, author: Author, at: float
) -> None:
    """Writes a new wanted set down, its history first: what was wanted once is never missing there.

    Raises:
        StateError: the set cannot be written. That the history cannot is a warning.
    """
    if before is None or wanted.generation != before.generation:
        generation = Generation(
            number=wanted.generation,
            at=at,
            author=author,
            instances=wanted.instances,
            changes=changes(before.instances if before else (), wanted.instances),
        )
        try:
            History(home, provisioner).keep(generation)
        except StateError as error:
            log.warning("generation %d is not in the history: %s", generation.number, error)
    write_wanted(wanted_path(home, provisioner), wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """Where plans are made."""

    settings: Settings
    fleet: Fleet
    home: DataFolder
    provisioner: str

    def plan(self, ask: Ask, stored: WantedSet | None, situation: Situation, scrutiny: Scrutiny) -> Intent:
        known, looked_at = situation.inventory.hosts, situation.hosts
        last = 0 if stored else last_generation(self.home, self.provisioner)
        situation = situation.as_of(stored)
        wanted = wanted_after(
            ask,
            stored,
            known=known,
            looked_at=looked_at,
            persistent=persistent_requests(self.settings.realms, self.settings.inventory),
            last_generation=last,
        )
        key = self.home.fingerprint_key()
        plan = plan_closely(wanted, self.settings.realms, situation, fleet=self.fleet, key=key, scrutiny=scrutiny)
        placed = placed_as(plan, wanted, situation)
        changed = stored is None or placed.instances != stored.instances
        return Intent(
            wanted=replace(placed, generation=wanted.generation + changed),
            plan=plan,
            ask=ask,
            scrutiny=scrutiny,
            before=stored,
            situation=situation,
        )


def last_generation(home: DataFolder, provisioner: str) -> int:
    """Where a wanted set was lost, its history may still say how far it had come."""
    try:
        return max(History(home, provisioner).numbers(), default=0)
    except StateError as error:
        log.warning("%s", error)
        return 0
