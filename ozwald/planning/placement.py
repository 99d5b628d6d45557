"""Decides which host, variety and cards each wanted instance gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ozwald.errors import RequestError
from ozwald.model.container import LABEL_VARIETY, ObservedContainer, ObservedPort
from ozwald.model.host import Host
from ozwald.model.plan import InstanceKey, Placement
from ozwald.model.service import InstanceRequest, Network, Port, Realm, ServiceDefinition, ServiceSpec, Variety
from ozwald.model.wanted import WantedInstance, WantedSet
from ozwald.planning.names import check_choice, find_definition, find_realm
from ozwald.planning.patterns import select
from ozwald.planning.resolve import hardware_of, requirements, resolve, varieties_by_preference
from ozwald.planning.room import DoesNotFit, Room
from ozwald.planning.situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """A wanted instance without a host, and why; `fits_nowhere` when every host was asked and none can carry it."""

    key: InstanceKey
    reason: str
    fits_nowhere: bool = False


@dataclass(slots=True)
class Placements:
    """What placing decided. `skipped` are instances that belong to hosts this plan may not touch."""

    placed: dict[InstanceKey, Placement] = field(default_factory=dict)
    unplaced: list[Unplaced] = field(default_factory=list)
    skipped: set[InstanceKey] = field(default_factory=set)


def place(wanted: WantedSet, realms: Mapping[str, Realm], situation: Situation) -> Placements:
    """Places every wanted instance: those that run already first, where they are, then the others by name.

    Raises:
        RequestError: a request names a realm, service, variety, profile or host pattern that does not exist.
    """
    return _Placer(wanted, realms, situation).place()


class _Placer:
    """The hosts' rooms while they fill."""

    def __init__(self, wanted: WantedSet, realms: Mapping[str, Realm], situation: Situation) -> None:
        self.wanted = wanted
        self.realms = realms
        self.situation = situation
        self.rooms = {host: self._room(host) for host in situation.observations}
        self.result = Placements()

    def place(self) -> Placements:
        def runs_then_name(instance: WantedInstance) -> tuple[bool, InstanceKey]:
            return not self.situation.homes(instance.key), instance.key

        for instance in sorted(self.wanted.instances, key=runs_then_name):
            self._place_one(instance)
        return self.result

    def _room(self, name: str) -> Room:
        observation = self.situation.observations[name]
        room = Room.of(self.situation.hosts[name], observation)
        room.taken_ports = [
            (_as_port(port), f"container {container.name}")
            for container in observation.containers
            if not self.situation.owns(container)
            for port in container.ports
            if port.published is not None
        ]
        return room

    def _place_one(self, instance: WantedInstance) -> None:
        request, key = instance.request, instance.key
        realm = find_realm(request.realm, self.realms)
        definition = find_definition(request.service, realm)
        check_choice(definition, variety=request.variety, profile=request.profile)
        candidates = self._candidates(request)
        if self._belongs_elsewhere(instance, candidates):
            self.result.skipped.add(key)
        elif (held := self._held(instance, candidates)) is not None:
            self.result.unplaced.append(held)
        else:
            self._try_hosts(request, key, definition, realm, candidates)

    def _candidates(self, request: InstanceRequest) -> Sequence[Host]:
        everything = select(self.situation.inventory, request.host or "all")
        return [host for host in everything if host.name in self.situation.hosts]

    def _belongs_elsewhere(self, instance: WantedInstance, candidates: Sequence[Host]) -> bool:
        """Whether a `--limit` keeps the plan away from where the instance is or has to be."""
        home = instance.placed_on
        limited = home in self.situation.inventory.hosts and home not in self.situation.hosts
        return not candidates or (limited and not self.situation.homes(instance.key))

    def _held(self, instance: WantedInstance, candidates: Sequence[Host]) -> Unplaced | None:
        """An instance that may still run on a host that does not answer stays where it is: no twins."""
        host = instance.placed_on
        if host not in self.situation.unreachable or host not in [candidate.name for candidate in candidates]:
            return None
        return Unplaced(
            key=instance.key,
            reason=f"it was placed on {host}, which is unreachable; nothing is changed until {host} is back "
            f"(to move it, pin it to another host: {instance.key}…@HOST)",
        )

    def _try_hosts(
        self,
        request: InstanceRequest,
        key: InstanceKey,
        definition: ServiceDefinition,
        realm: Realm,
        candidates: Sequence[Host],
    ) -> None:
        homes = self.situation.homes(key)
        reachable = [host.name for host in candidates if host.name in self.rooms]
        reasons = {host.name: "unreachable" for host in candidates if host.name not in self.rooms}
        for host in sorted(reachable, key=lambda name: (name not in homes, name)):
            try:
                placement = self._fit(request, definition, realm, host, homes.get(host))
            except DoesNotFit as misfit:
                reasons[host] = str(misfit)
            except RequestError as error:
                self.result.unplaced.append(Unplaced(key=key, reason=str(error)))
                return
            else:
                self.rooms[host].take(placement.spec, placement.gpus, is_new=host not in homes)
                self.result.placed[key] = placement
                return
        told = "; ".join(f"{host}: {reason}" for host, reason in sorted(reasons.items()))
        fits_nowhere = len(reachable) == len(candidates)
        self.result.unplaced.append(
            Unplaced(key=key, reason=f"no host can carry it: {told}", fits_nowhere=fits_nowhere)
        )

    def _fit(
        self,
        request: InstanceRequest,
        definition: ServiceDefinition,
        realm: Realm,
        host: str,
        running: ObservedContainer | None,
    ) -> Placement:
        room = self.rooms[host]
        reasons: list[str] = []
        for variety in _varieties(definition, request, running):
            try:
                return self._fit_variety(request, definition, realm, host, variety, room, is_new=running is None)
            except DoesNotFit as misfit:
                reasons.append(str(misfit))
        raise DoesNotFit(", ".join(dict.fromkeys(reasons)))

    @staticmethod
    def _fit_variety(
        request: InstanceRequest,
        definition: ServiceDefinition,
        realm: Realm,
        host: str,
        variety: str | None,
        room: Room,
        *,
        is_new: bool,
    ) -> Placement:
        hardware = hardware_of(definition, variety)
        required = requirements(definition, variety=variety, profile=request.profile)
        if is_new:
            room.check_memory(required)
            gpus = room.choose_gpus(hardware, required)
        else:
            # What it uses counts as taken, so only the cards themselves can be missing.
            room.has_hardware(hardware, required)
            unlimited = type(required)(gpus=required.gpus)
            gpus = room.choose_gpus(hardware, unlimited)
        spec = resolve(definition, request, variety=variety)
        room.check_ports(spec.ports)
        return Placement(spec=spec, host=host, gpus=gpus, networks=_networks(spec, realm))


def _varieties(
    definition: ServiceDefinition, request: InstanceRequest, running: ObservedContainer | None
) -> Sequence[str | None]:
    """The varieties to try in order; one that already runs stays, whatever has become free since."""
    if request.variety is not None:
        return [request.variety]
    current = running.labels.get(LABEL_VARIETY) if running else None
    best: Sequence[Variety | None] = varieties_by_preference(definition)
    names = [variety.name if variety else None for variety in best]
    return sorted(names, key=lambda name: name != current) if current in names else names


def _networks(spec: ServiceSpec, realm: Realm) -> tuple[Network, ...]:
    return tuple(
        realm.networks.get(attachment.network) or Network(key=attachment.network) for attachment in spec.networks
    )


def _as_port(port: ObservedPort) -> Port:
    return Port(target=port.target, protocol=port.protocol, published=port.published, host_ip=port.host_ip)
