"""Decides which host, variety and cards each wanted instance gets."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ozwald.errors import RequestError
from ozwald.model.container import LABEL_VARIETY, ObservedContainer
from ozwald.model.observation import Observation
from ozwald.model.plan import InstanceKey, Placement
from ozwald.model.realm import Network, Realm, ServiceDefinition
from ozwald.model.request import InstanceRequest
from ozwald.model.service import Port, ServiceSpec
from ozwald.model.wanted import WantedInstance, WantedSet
from ozwald.planning.deliveries import with_data
from ozwald.planning.endpoints import Whereabouts
from ozwald.planning.names import check_choice, find_definition, find_realm
from ozwald.planning.patterns import select
from ozwald.planning.resolve import hardware_of, layers, merge, requirements, resolve, varieties_by_preference
from ozwald.planning.room import DoesNotFit, clash
from ozwald.planning.shares import observed_room
from ozwald.planning.situation import Situation
from ozwald.planning.strangers import running_for_another


@dataclass(frozen=True, slots=True, kw_only=True)
class Unplaced:
    """A wanted instance without a host, and why; `fits_nowhere` when every host was asked and none can carry it."""

    key: InstanceKey
    reason: str
    fits_nowhere: bool = False


@dataclass(slots=True)
class Placements:
    """What placing decided.

    `skipped` are instances that belong to hosts this plan may not touch. `resting` says where the instances are that
    this plan leaves alone: a placement for each variety they may have there.
    """

    placed: dict[InstanceKey, Placement] = field(default_factory=dict)
    unplaced: list[Unplaced] = field(default_factory=list)
    skipped: set[InstanceKey] = field(default_factory=set)
    resting: dict[InstanceKey, tuple[Placement, ...]] = field(default_factory=dict)

    def whereabouts(self) -> Whereabouts:
        """Where each instance is or will be."""
        return {**self.resting, **{key: (placement,) for key, placement in self.placed.items()}}


def place(wanted: WantedSet, realms: Mapping[str, Realm], situation: Situation) -> Placements:
    """Places every wanted instance: those that run already first, where they are, then the others by name.

    Raises:
        RequestError: a request names a realm, service, variety, profile or host pattern that does not exist.
    """
    return _Placer(wanted, realms, situation).place()


def place_beside(
    request: InstanceRequest,
    realms: Mapping[str, Realm],
    situation: Situation,
    *,
    adapt: Callable[[ServiceSpec], ServiceSpec],
) -> Placement | Unplaced:
    """Places one more instance where there is room for it beside all that is there; `adapt` changes what it is made of.

    Raises:
        RequestError: the request names something that does not exist.
    """
    alone = WantedSet(generation=0, instances=(WantedInstance(request=request),))
    placer = _Placer(alone, realms, situation, adapt=adapt)
    [asked] = placer.asked
    return placer.try_hosts(asked) or placer.result.placed[asked.key]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """A wanted instance, looked up: `hosts` are those that it may go to, `homes` those where it is."""

    request: InstanceRequest
    key: InstanceKey
    placed_on: str | None
    definition: ServiceDefinition
    realm: Realm
    hosts: Sequence[str]
    homes: Mapping[str, ObservedContainer]


class _Placer:
    """The hosts' rooms while they fill."""

    def __init__(
        self,
        wanted: WantedSet,
        realms: Mapping[str, Realm],
        situation: Situation,
        *,
        adapt: Callable[[ServiceSpec], ServiceSpec] = lambda spec: spec,
    ) -> None:
        self.adapt = adapt
        self.realms = realms
        self.situation = situation
        self.leaving = wanted.leaving
        self.rooms = {host: observed_room(host, situation, realms) for host in situation.observations}
        self.asked = [self._ask(instance) for instance in wanted.instances]
        self.result = Placements()

    def place(self) -> Placements:
        to_place = [asked for asked in self.asked if not self._stays(asked)]
        self._make_room({asked.key for asked in self.asked})
        observed = {asked.key: self._forget_ports(asked) for asked in to_place}

        def runs_unchanged_name(asked: _Asked) -> tuple[bool, bool, InstanceKey]:
            return not asked.homes, not _keeps_ports(asked, observed[asked.key]), asked.key

        for asked in sorted(to_place, key=runs_unchanged_name):
            if (unplaced := self.try_hosts(asked)) is not None:
                self.result.unplaced.append(unplaced)
                self.result.resting[asked.key] = self._rest(asked)
                for host, ports in observed[asked.key].items():
                    self._set_ports(asked.key, host, ports)
        return self.result

    def _ask(self, instance: WantedInstance) -> _Asked:
        request = instance.request
        realm = find_realm(request.realm, self.realms)
        definition = find_definition(request.service, realm)
        check_choice(definition, variety=request.variety, profile=request.profile)
        everything = select(self.situation.inventory, request.host or "all")
        return _Asked(
            request=request,
            key=instance.key,
            placed_on=instance.placed_on or self._last_host(instance.key),
            definition=definition,
            realm=realm,
            hosts=[host.name for host in everything if host.name in self.situation.hosts],
            homes=self.situation.homes(instance.key),
        )

    def _last_host(self, key: InstanceKey) -> str | None:
        """Where an instance was before it was dropped, and may still be: first a host that cannot be looked at."""
        hosts = [one.host for one in self.leaving if one.key == key]
        return min(hosts, key=lambda host: (host in self.situation.observations, host), default=None)

    def _make_room(self, wanted: set[InstanceKey]) -> None:
        """What is wanted no more is stopped before anything is created."""
        for room in self.rooms.values():
            for key, share in list(room.shares.items()):
                if key not in wanted and not share.is_measured:
                    room.give_back(key)

    def _forget_ports(self, asked: _Asked) -> Mapping[str, tuple[Port, ...]]:
        """What an instance publishes now does not count where it is placed anew; returns it for each host."""
        ports = {host: self.rooms[host].shares[asked.key].ports for host in asked.homes}
        for host in ports:
            self._set_ports(asked.key, host, ())
        return ports

    def _set_ports(self, key: InstanceKey, host: str, ports: tuple[Port, ...]) -> None:
        shares = self.rooms[host].shares
        shares[key] = replace(shares[key], ports=ports)

    def _stays(self, asked: _Asked) -> bool:
        """Whether this plan leaves the instance where it is, and all it has with it."""
        if self._belongs_elsewhere(asked):
            self.result.skipped.add(asked.key)
        elif asked.placed_on in self.situation.unreachable and asked.placed_on in asked.hosts:
            self.result.unplaced.append(_held(asked))
        else:
            return False
        self.result.resting[asked.key] = self._rest(asked)
        return True

    def _belongs_elsewhere(self, asked: _Asked) -> bool:
        """Whether a `--limit` keeps the plan away from where the instance is, may still be or has to be."""
        homes = {asked.placed_on, *(one.host for one in self.leaving if one.key == asked.key)}
        limited = any(home in self.situation.inventory.hosts and home not in self.situation.hosts for home in homes)
        return not asked.hosts or (limited and not asked.homes)

    def _rest(self, asked: _Asked) -> tuple[Placement, ...]:
        host = min(asked.homes, default=asked.placed_on)
        if host is None or host not in self.situation.inventory.hosts:
            return ()
        varieties = _varieties(asked, asked.homes.get(host))
        current = asked.homes[host].labels.get(LABEL_VARIETY) or None if host in asked.homes else None
        try:
            specs = [
                resolve(asked.definition, asked.request, variety=variety)
                for variety in ([current] if current in varieties else varieties)
            ]
        except RequestError:
            return ()
        return tuple(Placement(spec=spec, host=host) for spec in specs)

    def try_hosts(self, asked: _Asked) -> Unplaced | None:
        """Places an instance where it is best, or tells why no host can carry it."""
        if not asked.homes and (stranger := running_for_another(asked.key, asked.hosts, self.situation)):
            return Unplaced(key=asked.key, reason=stranger)
        reasons: dict[str, list[str]] = {host: ["unreachable"] for host in asked.hosts if host not in self.rooms}
        for host, variety in self._choices(asked):
            try:
                self._settle(asked, self._fit(asked, host, variety))
            except DoesNotFit as misfit:
                reasons.setdefault(host, []).append(str(misfit))
            except RequestError as error:
                return Unplaced(key=asked.key, reason=str(error))
            else:
                return None
        told = "; ".join(f"{host}: {', '.join(dict.fromkeys(why))}" for host, why in sorted(reasons.items()))
        fits_nowhere = all(host in self.rooms for host in asked.hosts)
        return Unplaced(key=asked.key, reason=f"no host can carry it: {told}", fits_nowhere=fits_nowhere)

    def _choices(self, asked: _Asked) -> Iterator[tuple[str, str | None]]:
        """Hosts and varieties in the order to try: where it is or was, then the best hardware, then by name."""
        reachable = sorted(host for host in asked.hosts if host in self.rooms)
        known = sorted(
            (host for host in reachable if host in asked.homes or host == asked.placed_on),
            key=lambda host: (host not in asked.homes, host != asked.placed_on),
        )
        for host in known:
            for variety in _varieties(asked, asked.homes.get(host)):
                yield host, variety
        for variety in _varieties(asked, None):
            for host in reachable:
                if host not in known:
                    yield host, variety

    def _settle(self, asked: _Asked, placement: Placement) -> None:
        self.rooms[placement.host].take(asked.key, placement.spec, placement.gpus)
        for host in asked.homes:
            if host != placement.host:
                self.rooms[host].give_back(asked.key)
        self.result.placed[asked.key] = placement

    def _fit(self, asked: _Asked, host: str, variety: str | None) -> Placement:
        room, hardware = self.rooms[host], hardware_of(asked.definition, variety)
        required = requirements(asked.definition, variety=variety, profile=asked.request.profile)
        if host not in asked.homes:
            room.check_memory(required)
        gpus = room.cards_of(asked.key, hardware, required) or room.choose_gpus(hardware, required, asked.key)
        spec = self.adapt(resolve(asked.definition, asked.request, variety=variety))
        room.check_ports(spec.ports, asked.key)
        networks = _networks(spec, asked.realm)
        _check_networks(networks, asked.realm, self.situation.observations[host])
        spec, deliveries = with_data(spec, self.situation.hosts[host], self.situation.content_of)
        return Placement(spec=spec, host=host, gpus=gpus, networks=networks, deliveries=deliveries)


def _check_networks(networks: Sequence[Network], realm: Realm, seen: Observation) -> None:
    for network in networks:
        name = network.name_on_host(realm.name)
        if network.external and seen.networks is not None and name not in seen.networks:
            raise DoesNotFit(f"there is no network {name}, which is declared external: create it there")


def _held(asked: _Asked) -> Unplaced:
    """An instance that may still run on a host that does not answer stays where it is: no twins."""
    return Unplaced(
        key=asked.key,
        reason=f"it was placed on {asked.placed_on}, which is unreachable; nothing is changed until {asked.placed_on} "
        f"is back (to move it, pin it to another host: {asked.key}…@HOST)",
    )


def _varieties(asked: _Asked, running: ObservedContainer | None) -> Sequence[str | None]:
    """The varieties to try in order; one that already runs stays, whatever has become free since."""
    if asked.request.variety is not None:
        return [asked.request.variety]
    current = running.labels.get(LABEL_VARIETY) if running else None
    names = [variety.name if variety else None for variety in varieties_by_preference(asked.definition)]
    return sorted(names, key=lambda name: name != current) if current in names else names


def _keeps_ports(asked: _Asked, observed: Mapping[str, tuple[Port, ...]]) -> bool:
    """Whether an instance will publish what it publishes now, so that it goes before those that take a new port."""
    for host, ports in observed.items():
        variety = _varieties(asked, asked.homes[host])[0]
        merged = merge(layers(asked.definition, variety=variety, profile=asked.request.profile))
        wanted = [port for port in merged.get("ports", ()) if port.published is not None]
        if all(any(clash(port, taken) for taken in ports) for port in wanted):
            return True
    return False


def _networks(spec: ServiceSpec, realm: Realm) -> tuple[Network, ...]:
    return tuple(
        realm.networks.get(attachment.network) or Network(key=attachment.network) for attachment in spec.networks
    )
