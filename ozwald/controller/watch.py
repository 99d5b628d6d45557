"""What the loop knows of all hosts: the last look at each, made by an observer of its own."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from ozwald.controller.leadership import elapsed
from ozwald.controller.observer import FACTS_S, NOT_YET, Look, Observer, in_a_thread
from ozwald.model.host import Host, Inventory
from ozwald.model.observation import Observation
from ozwald.model.plan import Plan
from ozwald.model.resources import HostResources
from ozwald.planning.situation import Situation
from ozwald.remote.connection import HostConnection
from ozwald.remote.fleet import Fleet
from ozwald.remote.probe import probe
from ozwald.state.data_files import content_of

# Nothing is changed by a look that is older: the machine may have slept since.
OLDEST_LOOK_S = 15.0
# Hardware is looked at again before something new is placed, unless it was just now.
FRESH_S = 10.0
# A host whose hardware takes longer to look at keeps others' instances waiting no more.
SLOW_FACTS_S = 5.0
# So old may be what is known of the hardware while something waits for room on it.
ROOM_FACTS_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All hosts at one moment; `at` and the looks' times also count while the machine sleeps.

    `silent` says why hosts do not answer; on those that are `held` nothing is changed either.
    """

    at: float
    looks: Mapping[str, Look]
    silent: Mapping[str, str]
    held: frozenset[str] = frozenset()

    def is_current(self, host: str, ended_at: float) -> bool:
        """Whether a host answers and was looked at after that moment, and lately."""
        if host not in self.looks or host in self.silent or host in self.held:
            return False
        begun_at = self.looks[host].begun_at
        return begun_at > ended_at and self.at - begun_at < OLDEST_LOOK_S

    def has_fresh_facts(self, host: str) -> bool:
        """Whether a host's hardware was looked at just now."""
        return self.at - self.looks[host].facts_at < FRESH_S

    @property
    def last_seen(self) -> dict[str, Observation]:
        """What was seen last of each host, whether or not it answers now."""
        return {name: look.observation for name, look in self.looks.items() if look.observation is not None}

    @property
    def hosts(self) -> dict[str, str]:
        """Why each host does not answer; empty for one that does."""
        return {name: self.silent.get(name, "") for name in self.looks}

    @property
    def facts(self) -> dict[str, HostResources]:
        """What is known of each host's hardware."""
        return {name: seen.resources for name, seen in self.last_seen.items()}


class Watch:
    """Has every host looked at. `on_news` is called, by the observers' threads, when there is something new."""

    def __init__(
        self,
        fleet: Fleet,
        inventory: Inventory,
        hosts: Mapping[str, Host],
        *,
        dice: random.Random,
        probe: Callable[[HostConnection], HostResources] = probe,
        now: Callable[[], float] = elapsed,
        aside: Callable[[Callable[[], None], str], None] = in_a_thread,
    ) -> None:
        self.on_news: Callable[[], None] = lambda: None
        self._inventory, self._hosts, self._now = inventory, hosts, now
        self._observer: Callable[[Host], Observer] = lambda host: Observer(
            host, fleet, on_news=lambda: self.on_news(), dice=dice, probe=probe, now=now, aside=aside
        )
        self._observers = {name: self._observer(host) for name, host in hosts.items()}
        self._facts_asked_at: dict[str, float] = {}
        self._content_of = cache(content_of)

    def start(self) -> None:
        """Begins to look, each host in a thread of its own."""
        for name, observer in self._observers.items():
            in_a_thread(observer.run, f"look-{name}")

    def take(self, inventory: Inventory, hosts: Mapping[str, Host]) -> None:
        """Looks at these hosts from now on; those that stay as they were are looked at as before."""
        left = [name for name, host in self._hosts.items() if hosts.get(name) != host]
        for name in left:
            self._observers.pop(name).end()
        for name in hosts.keys() - self._observers.keys():
            self._observers[name] = self._observer(hosts[name])
            in_a_thread(self._observers[name].run, f"look-{name}")
        self._inventory, self._hosts = inventory, hosts
        self.reread_data()

    def stop(self) -> None:
        """Lets no further look begin."""
        for observer in self._observers.values():
            observer.end()

    def look_now(self) -> None:
        """Looks at one host after the other."""
        for observer in self._observers.values():
            observer.look_now()

    def look_soon(self, host: str) -> None:
        """Has a host looked at now."""
        self._observers[host].look_soon()

    def snapshot(self) -> Snapshot:
        """What is known now; hosts that do not answer are in `silent`."""
        problems = {name: one.problem() for name, one in self._observers.items()}
        return Snapshot(
            at=self._now(),
            looks={name: self._observers[name].look for name in self._hosts},
            silent={name: problem for name, problem in problems.items() if problem},
        )

    def situation(self, snapshot: Snapshot, *, controller: str) -> Situation:
        """The fleet as planning wants it."""
        return Situation(
            inventory=self._inventory,
            hosts=self._hosts,
            observations={name: seen for name, seen in snapshot.last_seen.items() if name not in snapshot.silent},
            unreachable=snapshot.silent,
            controller=controller,
            content_of=self._content_of,
        )

    def is_complete(self) -> bool:
        """Whether every host has been looked at, or was silent for long enough to count as such."""
        return all(one.problem() != NOT_YET for one in self._observers.values())

    def next_silent_in_s(self) -> float | None:
        """Seconds until the next host that owes an answer will count as silent, or None."""
        left = (at - self._now() for one in self._observers.values() if (at := one.hangs_at()) is not None)
        return min((seconds for seconds in left if seconds > 0), default=None)

    def probe_soon(self, hosts: Iterable[str]) -> None:
        """Has the hardware of these hosts looked at, unless that is under way."""
        for name in hosts:
            if self._now() - self._facts_asked_at.get(name, -FACTS_S) >= FRESH_S:
                self._facts_asked_at[name] = self._now()
                self._observers[name].forget_facts()
                self._observers[name].look_soon()

    def seek_room(self, plan: Plan, snapshot: Snapshot) -> None:
        """Has all hardware looked at now and then while something waits: others may have made room."""
        if plan.blocked:
            answering = self._hosts.keys() - snapshot.silent.keys()
            self.probe_soon(host for host in answering if snapshot.at - snapshot.looks[host].facts_at >= ROOM_FACTS_S)

    def owes_facts(self, snapshot: Snapshot, hosts: Iterable[str]) -> bool:
        """Whether a placement should still wait for a look at the hardware of these hosts, which is asked for."""
        stale = [host for host in hosts if host not in snapshot.silent and not snapshot.has_fresh_facts(host)]
        self.probe_soon(stale)
        return any(snapshot.at - self._facts_asked_at.get(host, snapshot.at) < SLOW_FACTS_S for host in stale)

    def reread_data(self) -> None:
        """Has the controller's own data, which services mount, read again at the next plan."""
        self._content_of = cache(content_of)
