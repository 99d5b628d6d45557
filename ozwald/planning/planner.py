"""Makes the plan: place, compare, order."""

from collections.abc import Mapping
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from ozwald.errors import RequestError
from ozwald.model.plan import Action, InstanceKey, Operation, Plan
from ozwald.model.service import Realm
from ozwald.model.wanted import WantedSet
from ozwald.planning.difference import unwanted, wanted_here
from ozwald.planning.endpoints import with_endpoints
from ozwald.planning.fingerprint import fingerprint
from ozwald.planning.machines import check_machines
from ozwald.planning.placement import Placements, Unplaced, place
from ozwald.planning.situation import Situation


def make_plan(wanted: WantedSet, realms: Mapping[str, Realm], situation: Situation, *, key: bytes) -> Plan:
    """The plan that brings the observed hosts to the wanted set.

    Stops come first, then every instance after those it depends on. `key` is the secret the fingerprints are
    made with.

    Raises:
        RequestError: a request names something that does not exist, dependencies form a circle, or two hosts are
            one machine.
    """
    check_machines(situation.observations)
    places = place(wanted, realms, situation)
    operations = [_unplaced(unplaced) for unplaced in places.unplaced]
    for placement in places.placed.values():
        complete = with_endpoints(placement, places.placed, situation.inventory.hosts)
        mark = fingerprint(complete.spec, complete.networks, key=key)
        operations.append(wanted_here(complete, situation, mark))
    operations = _without_dependants_of_blocked(operations, places)
    blocked = {operation.key for operation in operations if operation.action is Action.BLOCKED}
    stops = unwanted(places.placed, places.skipped | blocked, situation)
    return Plan(operations=(*stops, *_ordered(operations)), unreachable=situation.unreachable)


def placed_as(plan: Plan, wanted: WantedSet) -> WantedSet:
    """The wanted set with the hosts that the plan chose written into it; what is blocked stays where it was."""
    hosts = {
        operation.key: operation.host
        for operation in plan.operations
        if operation.placement is not None and operation.action is not Action.BLOCKED
    }
    instances = tuple(
        replace(instance, placed_on=hosts.get(instance.key) or instance.placed_on) for instance in wanted.instances
    )
    return replace(wanted, instances=instances)


def _unplaced(unplaced: Unplaced) -> Operation:
    return Operation(
        action=Action.BLOCKED, key=unplaced.key, reason=unplaced.reason, fits_nowhere=unplaced.fits_nowhere
    )


def _ordered(operations: list[Operation]) -> list[Operation]:
    by_key = {operation.key: operation for operation in operations}
    graph = {key: [name for name in operation.after if name in by_key] for key, operation in sorted(by_key.items())}
    try:
        return [by_key[key] for key in TopologicalSorter(graph).static_order()]
    except CycleError as err:
        circle = " -> ".join(str(key) for key in err.args[1])
        raise RequestError(f"depends_on forms a circle: {circle}; remove one of these dependencies") from err


def _without_dependants_of_blocked(operations: list[Operation], places: Placements) -> list[Operation]:
    """Blocks what depends on an instance that is not wanted or cannot be started."""
    by_key = {operation.key: operation for operation in operations}
    settled = False
    while not settled:
        settled = True
        for key, operation in by_key.items():
            reason = _blocked_by(operation, by_key, places)
            if operation.action is not Action.BLOCKED and reason:
                by_key[key] = replace(operation, action=Action.BLOCKED, reason=reason, after=(), needs=())
                settled = False
    return list(by_key.values())


def _blocked_by(operation: Operation, by_key: Mapping[InstanceKey, Operation], places: Placements) -> str:
    for dependency in operation.needs:
        if dependency in places.skipped:
            continue
        if dependency not in by_key:
            return f"it depends on {dependency}, which is not part of what is wanted; add it to the request"
        if by_key[dependency].action is Action.BLOCKED:
            return f"it depends on {dependency}, which cannot be started"
    return ""
