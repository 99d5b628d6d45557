"""Looks at all hosts for the loop: containers at every pass, hardware at a gentle pace."""

import time
from collections.abc import Callable, Iterable, Mapping

from ozwald.model.host import Host, Inventory
from ozwald.model.observation import Observation
from ozwald.model.resources import HostResources
from ozwald.planning.situation import Situation
from ozwald.remote.connection import HostConnection
from ozwald.remote.fleet import Fleet
from ozwald.remote.probe import probe

FACTS_S = 300.0


class Watch:
    """Remembers each host's facts, and what was last seen of one that does not answer now."""

    def __init__(
        self,
        fleet: Fleet,
        inventory: Inventory,
        hosts: Mapping[str, Host],
        *,
        probe: Callable[[HostConnection], HostResources] = probe,
    ) -> None:
        self._probe = probe
        self._fleet = fleet
        self._inventory = inventory
        self._hosts = hosts
        self.facts: dict[str, HostResources] = {}
        self.last_seen: dict[str, Observation] = {}

    def look(self, *, controller: str) -> Situation:
        """The fleet as it is now; a host that does not answer is in `unreachable`."""
        seen = self._fleet.map(self._hosts.values(), self._look_at)
        self.last_seen |= seen.values
        return Situation(
            inventory=self._inventory,
            hosts=self._hosts,
            observations=seen.values,
            unreachable={name: error.message for name, error in seen.failures.items()},
            controller=controller,
        )

    def forget_facts(self, hosts: Iterable[str]) -> None:
        """Has these hosts probed again at the next look."""
        for name in hosts:
            self.facts.pop(name, None)

    def _look_at(self, connection: HostConnection) -> Observation:
        name = connection.host.name
        known = self.facts.get(name)
        if known is None or time.time() - known.observed_at > FACTS_S:
            known = self.facts[name] = self._probe(connection)
        return Observation(resources=known, containers=connection.engine().list_containers())
