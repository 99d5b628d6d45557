"""What the instances that are there have of a host, read from their containers and the settings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from ozwald.model.container import (
    LABEL_GPUS,
    LABEL_PROFILE,
    LABEL_REALM,
    LABEL_SERVICE,
    LABEL_VARIETY,
    ObservedContainer,
)
from ozwald.model.observation import Observation
from ozwald.model.plan import InstanceKey
from ozwald.model.realm import Realm
from ozwald.model.resources import HostResources, Listener
from ozwald.model.service import Port, Requires
from ozwald.planning.resolve import requirements
from ozwald.planning.room import Room, Share, clash
from ozwald.planning.situation import Situation, instance_of


def observed_room(host: str, situation: Situation, realms: Mapping[str, Realm]) -> Room:
    """The room on a host, with the ports of others and the shares of our instances."""
    observation = situation.observations[host]
    room = Room.of(situation.hosts[host], observation)
    room.taken_ports = [
        (port, f"container {container.name}")
        for container in observation.containers
        if not situation.owns(host, container)
        for port in published_ports(container)
    ]
    room.listening = list(_processes_ports(observation))
    ours = dict.fromkeys(
        instance_of(container) for container in observation.containers if situation.owns(host, container)
    )
    room.shares = {key: _share(key, host, situation, realms) for key in ours} | _measured(observation, realms)
    return room


def without_released(
    facts: HostResources, before: Iterable[ObservedContainer], now: Iterable[ObservedContainer]
) -> HostResources:
    """The facts less who listened for containers that publish their ports no more: that was the engine."""
    kept = {port for container in now for port in published_ports(container)}
    released = [port for container in before for port in published_ports(container) if port not in kept]
    if not released or not facts.listeners:
        return facts
    left = tuple(one for one in facts.listeners if not any(clash(_port_of(one), port) for port in released))
    return replace(facts, listeners=left)


def cards_of(container: ObservedContainer) -> tuple[str, ...]:
    """The ids of the cards that a container was given."""
    return tuple(card for card in container.labels.get(LABEL_GPUS, "").split(",") if card)


def _share(key: InstanceKey, host: str, situation: Situation, realms: Mapping[str, Realm]) -> Share:
    current, containers = situation.homes(key)[host], situation.containers_of(key, host)
    return Share(
        gpus=cards_of(current),
        requires=_requires(current, realms),
        ports=tuple(port for container in containers for port in published_ports(container)),
        runs=any(container.is_running for container in containers),
        comes_up=any(container.state in ("created", "restarting") for container in containers),
    )


def _measured(observation: Observation, realms: Mapping[str, Realm]) -> dict[InstanceKey, Share]:
    """What measuring runs have; their ports count as those of others. No instance can have such a name."""
    return {
        InstanceKey(realm=container.labels.get(LABEL_REALM, ""), name=container.name): Share(
            gpus=cards_of(container),
            requires=_requires(container, realms),
            runs=container.is_running,
            is_measured=True,
        )
        for container in observation.containers
        if container.is_measured
    }


def _requires(container: ObservedContainer, realms: Mapping[str, Realm]) -> Requires:
    """What the settings say that a container needs; nothing when they do not know it any more."""
    labels = container.labels
    realm = realms.get(labels.get(LABEL_REALM, ""))
    definition = realm.definitions.get(labels.get(LABEL_SERVICE, "")) if realm else None
    variety, profile = labels.get(LABEL_VARIETY) or None, labels.get(LABEL_PROFILE) or None
    if definition is None:
        return Requires()
    if variety not in (None, *definition.varieties) or profile not in (None, *definition.profiles):
        return Requires()
    return requirements(definition, variety=variety, profile=profile)


def _processes_ports(observation: Observation) -> Iterator[tuple[Port, str]]:
    """The ports that processes listen on, less those that containers publish: there it is the engine that listens."""
    published: dict[int | None, list[Port]] = {}
    for port in (port for container in observation.containers for port in published_ports(container)):
        published.setdefault(port.published, []).append(port)
    for one in observation.resources.listeners or ():
        port = _port_of(one)
        if not any(clash(port, other) for other in published.get(one.port, ())):
            yield port, _who(one)


def _port_of(listener: Listener) -> Port:
    return Port(target=listener.port, protocol=listener.protocol, published=listener.port, host_ip=listener.address)


def _who(listener: Listener) -> str:
    program = f"{listener.command} (process {listener.pid})" if listener.command else "a process"
    return f"{program} of user {listener.user}" if listener.user else program


def published_ports(container: ObservedContainer) -> Sequence[Port]:
    """What a container publishes on its host now."""
    return [
        Port(target=port.target, protocol=port.protocol, published=port.published, host_ip=port.host_ip)
        for port in container.ports
        if port.published is not None
    ]
