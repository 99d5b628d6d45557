"""Makes the plan: place, compare, order."""

from collections.abc import Mapping
from dataclasses import replace

from ozwald.model.plan import Action, InstanceKey, Operation, Placement, Plan
from ozwald.model.realm import Realm
from ozwald.model.service import Pull
from ozwald.model.wanted import Leaving, OwedRestart, WantedSet
from ozwald.planning.difference import still_leaving, unwanted, wanted_here
from ozwald.planning.endpoints import Whereabouts, not_known, with_endpoints
from ozwald.planning.fingerprint import marks
from ozwald.planning.handover import freed_first
from ozwald.planning.machines import check_machines
from ozwald.planning.order import in_order
from ozwald.planning.placement import Placements, Unplaced, place
from ozwald.planning.restart import following
from ozwald.planning.situation import Situation


def make_plan(
    wanted: WantedSet, realms: Mapping[str, Realm], situation: Situation, *, key: bytes, pull: Pull | None = None
) -> Plan:
    """The plan that brings the observed hosts to the wanted set.

    Stops come first, then every instance after those it depends on. `key` is the secret the fingerprints are
    made with; `pull` counts instead of what the settings say of when images are fetched.

    Raises:
        RequestError: a request names something that does not exist, dependencies form a circle, or two hosts are
            one machine.
    """
    check_machines(situation.observations)
    places = place(wanted, realms, situation)
    if pull is not None:
        places = replace(places, placed={name: _pulled(one, pull) for name, one in places.placed.items()})
    operations = [_unplaced(unplaced) for unplaced in places.unplaced]
    whereabouts = places.whereabouts()
    operations += [_placed(placement, whereabouts, situation, key=key) for placement in places.placed.values()]
    operations = following(_without_dependants_of_blocked(operations, places), wanted.restarts)
    operations = freed_first(operations, situation)
    blocked = {operation.key for operation in operations if operation.action is Action.BLOCKED}
    stops = unwanted(places.placed, places.skipped | blocked, situation)
    # Those that still leave come last: nothing waits for them.
    leaving = still_leaving(_leaving(wanted, places), situation)
    return Plan(operations=(*stops, *in_order(operations), *leaving), unreachable=situation.unreachable)


def placed_as(plan: Plan, wanted: WantedSet, situation: Situation) -> WantedSet:
    """The wanted set with the hosts that the plan chose written into it; what is blocked stays where it was.

    Where instances have been or are to be stopped is written down too, until they have been seen to be gone. What was
    adopted is forgotten when its container is gone, and so is a restart that was owed to it.
    """
    hosts = {
        operation.key: operation.host
        for operation in plan.operations
        if operation.placement is not None and operation.action is not Action.BLOCKED
    }
    instances = tuple(
        replace(instance, placed_on=hosts.get(instance.key) or instance.placed_on) for instance in wanted.instances
    )
    before = {Leaving(key=one.key, host=one.placed_on) for one in wanted.instances if one.placed_on is not None}
    stopped = {
        Leaving(key=operation.key, host=operation.host)
        for operation in plan.operations
        if operation.action is Action.STOP and operation.host is not None
    }
    staying = {Leaving(key=one.key, host=one.placed_on) for one in instances if one.placed_on is not None}
    leaving = {one for one in {*wanted.leaving, *before, *stopped} - staying if not _is_gone(one, situation)}
    return replace(
        wanted,
        instances=instances,
        leaving=tuple(sorted(leaving)),
        adopted=tuple(one for one in wanted.adopted if situation.may_have(one.host, one.container_id)),
        restarts=_owed(plan, wanted, situation),
    )


def _owed(plan: Plan, wanted: WantedSet, situation: Situation) -> tuple[OwedRestart, ...]:
    """What has to be restarted, now or as soon as its host can be reached, so that a kill in between loses none."""
    owed = {
        (operation.host, operation.container_id): OwedRestart(
            key=operation.key,
            host=operation.host or "",
            container_id=operation.container_id or "",
            reason=operation.reason,
        )
        for operation in plan.operations
        if operation.action is Action.RESTART
    }
    before = {
        (one.host, one.container_id): one for one in wanted.restarts if situation.may_have(one.host, one.container_id)
    }
    return tuple(sorted((owed | before).values()))


def _pulled(placement: Placement, pull: Pull) -> Placement:
    return replace(placement, spec=replace(placement.spec, pull_policy=pull))


def _leaving(wanted: WantedSet, places: Placements) -> list[Leaving]:
    """What has to go: what was left before, and what is placed elsewhere now."""
    moved = {
        Leaving(key=one.key, host=one.placed_on)
        for one in wanted.instances
        if one.placed_on is not None and one.key in places.placed and places.placed[one.key].host != one.placed_on
    }
    resting = {Leaving(key=key, host=one.host) for key, found in places.resting.items() for one in found}
    return sorted({*wanted.leaving, *moved} - resting)


def _is_gone(leaving: Leaving, situation: Situation) -> bool:
    if leaving.host in situation.observations:
        return not situation.containers_of(leaving.key, leaving.host)
    return leaving.host not in situation.inventory.hosts


def _placed(placement: Placement, whereabouts: Whereabouts, situation: Situation, *, key: bytes) -> Operation:
    """What has to happen to a placed instance; without knowing where its dependencies listen it is not replaced."""
    complete = with_endpoints(placement, whereabouts, situation.inventory.hosts)
    operation = wanted_here(complete, situation, marks(complete.spec, complete.networks, key=key))
    unknown = not_known(placement, whereabouts, situation.inventory.hosts)
    if operation.action is Action.REPLACE and unknown:
        reason = f"left as it is, since it is not known now where {', '.join(unknown)} listens"
        return replace(operation, action=Action.KEEP, reason=reason, changes=())
    return operation


def _unplaced(unplaced: Unplaced) -> Operation:
    return Operation(
        action=Action.BLOCKED, key=unplaced.key, reason=unplaced.reason, fits_nowhere=unplaced.fits_nowhere
    )


def _without_dependants_of_blocked(operations: list[Operation], places: Placements) -> list[Operation]:
    """Blocks what depends on an instance that is not wanted or cannot be started."""
    by_key = {operation.key: operation for operation in operations}
    settled = False
    while not settled:
        settled = True
        for key, operation in by_key.items():
            reason = _blocked_by(operation, by_key, places)
            if operation.action not in (Action.BLOCKED, Action.KEEP) and reason:
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
