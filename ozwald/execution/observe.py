"""Looks at many hosts at once."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Final

from ozwald.errors import EngineError
from ozwald.model.container import LABEL_INSTANCE, ObservedContainer
from ozwald.model.host import Host, Inventory
from ozwald.model.observation import Observation
from ozwald.model.resources import HostResources
from ozwald.planning.situation import Situation
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from ozwald.remote.probe import probe
from ozwald.state.data_files import content_of

# Each of them is a question of its own.
MOST_ASKED: Final = 16


def observe(
    fleet: Fleet, inventory: Inventory, hosts: Mapping[str, Host], *, controller: str, with_networks: bool = False
) -> Situation:
    """Probes the hardware and lists the containers of every host, and its networks if asked to; changes nothing.

    Raises:
        NothingReachable: not one of the hosts answered.
    """
    return _situation(fleet, inventory, hosts, _look_at_networks if with_networks else _look, controller)


def observe_containers(fleet: Fleet, inventory: Inventory, hosts: Mapping[str, Host], *, controller: str) -> Situation:
    """Lists the containers only; the hardware stays unknown.

    Raises:
        NothingReachable: not one of the hosts answered.
    """
    return _situation(fleet, inventory, hosts, _look_at_containers, controller)


def containers_of(engine: Engine) -> tuple[ObservedContainer, ...]:
    """A host's containers, with what the healthchecks of those that are ours and unhealthy have printed."""
    containers = engine.list_containers()
    asked = [one.id for one in containers if one.is_unhealthy and LABEL_INSTANCE in one.labels][:MOST_ASKED]
    outputs = {container_id: _health_output(engine, container_id) for container_id in asked}
    return tuple(replace(one, health_output=outputs[one.id]) if one.id in outputs else one for one in containers)


def _health_output(engine: Engine, container_id: str) -> str:
    """Nothing where the engine does not say, which is no reason not to see the host."""
    try:
        state = engine.state(container_id)
    except EngineError:
        return ""
    return state.health_output if state else ""


def _look(connection: HostConnection) -> Observation:
    return Observation(resources=probe(connection), containers=containers_of(connection.engine()))


def _look_at_networks(connection: HostConnection) -> Observation:
    networks = frozenset(network.name for network in connection.engine().networks())
    return replace(_look(connection), networks=networks)


def _look_at_containers(connection: HostConnection) -> Observation:
    unknown = HostResources(host=connection.host.name, observed_at=time.time())
    return Observation(resources=unknown, containers=containers_of(connection.engine()))


def _situation(
    fleet: Fleet,
    inventory: Inventory,
    hosts: Mapping[str, Host],
    look: Callable[[HostConnection], Observation],
    controller: str,
) -> Situation:
    seen = fleet.map(hosts.values(), look)
    seen.raise_if_nothing_reached()
    return Situation(
        inventory=inventory,
        hosts=hosts,
        observations=seen.values,
        unreachable={name: error.message for name, error in seen.failures.items()},
        controller=controller,
        content_of=cache(content_of),
    )
