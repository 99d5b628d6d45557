"""Finds out on which hosts instances have their containers now."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from ozwald.execution.observe import observe_containers
from ozwald.model.active import ActiveService
from ozwald.model.host import Host, Inventory
from ozwald.model.plan import InstanceKey
from ozwald.model.wanted import WantedInstance, WantedSet
from ozwald.planning.active import active_services
from ozwald.remote.fleet import Fleet


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a look has shown: the services, and the hosts that did not answer, with a reason."""

    services: tuple[ActiveService, ...]
    unreachable: Mapping[str, str]

    def of(self, key: InstanceKey) -> ActiveService | None:
        """The instance, where it has a container if it has one anywhere."""
        mine = [service for service in self.services if service.key == key]
        return min(mine, key=lambda service: service.container_id is None, default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """`hosts` are those that may be looked at; `read_wanted` reads the wanted set anew."""

    fleet: Fleet
    inventory: Inventory
    hosts: Mapping[str, Host]
    controller: str
    read_wanted: Callable[[], WantedSet | None]

    def all(self) -> Found:
        """All instances on all hosts; raises NothingReachable."""
        return self._look(self.hosts)

    def find(self, keys: Collection[InstanceKey]) -> Found:
        """The instances, at home if they are there, so that no other host has to answer; raises NothingReachable."""
        homes = [self._home(key) for key in keys]
        if None not in homes:
            found = self._look({name: self.hosts[name] for name in homes if name})
            if all(_is_settled(found.of(key), found) for key in keys):
                return found
        return self.all()

    def near(self, key: InstanceKey, host: str | None) -> ActiveService | None:
        """The instance, if it has a container on the host where it was or where it was placed last."""
        names = {name for name in (host, self._home(key)) if name in self.hosts and name}
        return _with_container(self._look({name: self.hosts[name] for name in names}), key) if names else None

    def everywhere(self, key: InstanceKey) -> ActiveService | None:
        """The instance, if it has a container on any host."""
        return _with_container(self.all(), key)

    def is_wanted(self, key: InstanceKey) -> bool:
        """Whether it is in the wanted set now."""
        return any(instance.key == key for instance in self._wanted())

    def _home(self, key: InstanceKey) -> str | None:
        placed = {instance.key: instance.placed_on for instance in self._wanted()}
        home = placed.get(key)
        return home if home in self.hosts else None

    def _wanted(self) -> Collection[WantedInstance]:
        wanted = self.read_wanted()
        return wanted.instances if wanted else ()

    def _look(self, hosts: Mapping[str, Host]) -> Found:
        situation = observe_containers(self.fleet, self.inventory, hosts, controller=self.controller)
        services = active_services(self.read_wanted(), situation)
        return Found(services=tuple(services), unreachable=dict(situation.unreachable))


def _is_settled(service: ActiveService | None, found: Found) -> bool:
    """Whether looking elsewhere would tell nothing more: it is there, or its home does not answer."""
    return service is not None and (service.container_id is not None or service.host in found.unreachable)


def _with_container(found: Found, key: InstanceKey) -> ActiveService | None:
    service = found.of(key)
    return service if service is not None and service.container_id is not None else None
