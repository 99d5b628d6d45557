"""Which containers are restarted, as they are: those that were asked for, and those that follow others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ozwald.errors import OzwaldError, RequestError
from ozwald.model.active import ActiveService, Status
from ozwald.model.container import LABEL_PROFILE, LABEL_SERVICE, LABEL_VARIETY, ObservedContainer, container_name
from ozwald.model.plan import Action, InstanceKey, Operation, Placement, Plan
from ozwald.model.realm import Realm
from ozwald.model.request import InstanceRequest
from ozwald.model.wanted import OwedRestart, WantedSet
from ozwald.planning.names import check_choice, find_definition, find_realm
from ozwald.planning.nearest import unknown
from ozwald.planning.order import in_order
from ozwald.planning.resolve import resolve
from ozwald.planning.situation import Situation

ASKED_FOR: Final = "asked for"
_BEGINS_ANEW = (Action.REPLACE, Action.RESTART)
_RUNS_ON = (Action.KEEP, Action.UPDATE)


def following(operations: Iterable[Operation], owed: Iterable[OwedRestart]) -> list[Operation]:
    """Restarts what would run on though that is owed, or it depends, with `restart: true`, on what begins anew."""
    due = {(one.host, one.container_id): one.reason for one in owed}
    by_key = {operation.key: operation for operation in operations}
    settled = False
    while not settled:
        settled = True
        for key, operation in by_key.items():
            reason = due.get((operation.host or "", operation.container_id or "")) or _follows(operation, by_key)
            if operation.action in _RUNS_ON and reason:
                by_key[key] = replace(operation, action=Action.RESTART, reason=reason)
                settled = False
    return list(by_key.values())


def restart_plan(
    keys: Sequence[InstanceKey], wanted: WantedSet | None, realms: Mapping[str, Realm], situation: Situation
) -> Plan:
    """Restarts these instances and those that follow them, each after those it depends on.

    Raises:
        RequestError: one has no container, or not exactly one, or dependencies form a circle.
        OzwaldError: one was placed on a host that does not answer.
    """
    situation = situation.as_of(wanted)
    running = {key: _running(key, situation, realms) for key in {key for _, key, _ in situation.ours()}}
    for key in keys:
        if key not in running:
            raise _missing(key, wanted, running, situation)
        _check_one(key, situation)
    asked = {key: replace(running[key], action=Action.RESTART, reason=ASKED_FOR) for key in keys}
    chosen = [one for one in following({**running, **asked}.values(), ()) if one.action is Action.RESTART]
    return Plan(operations=tuple(in_order(chosen)), unreachable=situation.unreachable)


def owed_restarts(
    keys: Iterable[InstanceKey], wanted: WantedSet, services: Sequence[ActiveService]
) -> tuple[OwedRestart, ...]:
    """What a controller owes once these restarts were asked for, from how the services are.

    Raises:
        RequestError: one is not wanted, or has not exactly one container, on a host that answers.
    """
    return tuple(sorted({*wanted.restarts, *(_owed(key, wanted, services) for key in keys)}))


def _owed(key: InstanceKey, wanted: WantedSet, services: Sequence[ActiveService]) -> OwedRestart:
    known = {one.key for one in wanted.instances}
    if key not in known:
        raise RequestError(unknown("wanted instance", str(key), map(str, known)))
    homes = {one.host or "": one for one in services if one.key == key and one.container_id is not None}
    if not homes:
        raise RequestError(f"{key} has no container to restart; it is started as soon as that can be")
    if len(homes) > 1:
        raise RequestError(f"{key} has containers on {', '.join(sorted(homes))}; restart it when one is left")
    [(host, service)] = homes.items()
    if service.status is Status.UNREACHABLE:
        raise RequestError(f"{key} is on {host}, which does not answer: restart it when it is back")
    return OwedRestart(key=key, host=host, container_id=service.container_id or "", reason=ASKED_FOR)


def _follows(operation: Operation, by_key: Mapping[InstanceKey, Operation]) -> str:
    """Which dependency it follows, the first that begins anew."""
    spec = operation.placement.spec if operation.placement else None
    for dependency in spec.depends_on if spec else ():
        first = by_key.get(InstanceKey(realm=operation.key.realm, name=dependency.instance))
        if dependency.restart and first is not None and first.action in _BEGINS_ANEW:
            return f"it follows {dependency.instance}"
    return ""


def _running(key: InstanceKey, situation: Situation, realms: Mapping[str, Realm]) -> Operation:
    host, container = min(situation.homes(key).items())
    placement = _placement(key, host, container, realms)
    dependencies = placement.spec.depends_on if placement else ()
    return Operation(
        action=Action.KEEP,
        key=key,
        host=host,
        placement=placement,
        container_id=container.id,
        after=tuple(InstanceKey(realm=key.realm, name=first.instance) for first in dependencies),
        needs=tuple(InstanceKey(realm=key.realm, name=first.instance) for first in dependencies if first.required),
    )


def _placement(
    key: InstanceKey, host: str, container: ObservedContainer, realms: Mapping[str, Realm]
) -> Placement | None:
    """What the settings say of a container, or None when they do not know its service any more."""
    labels = container.labels
    variety, profile = labels.get(LABEL_VARIETY) or None, labels.get(LABEL_PROFILE) or None
    try:
        definition = find_definition(labels.get(LABEL_SERVICE, ""), find_realm(key.realm, realms))
        check_choice(definition, variety=variety, profile=profile)
        request = InstanceRequest(realm=key.realm, name=key.name, service=definition.name, profile=profile)
        return Placement(spec=resolve(definition, request, variety=variety), host=host)
    except RequestError:
        return None


def _missing(
    key: InstanceKey, wanted: WantedSet | None, running: Iterable[InstanceKey], situation: Situation
) -> OzwaldError:
    for one in wanted.instances if wanted else ():
        if one.key == key and one.placed_on in situation.unreachable:
            return OzwaldError(f"{key} is on {one.placed_on}, which does not answer: restart it when it is back")
        if one.key == key:
            return RequestError(f"{key} has no container; start it with: ozwald apply")
    return RequestError(unknown("running instance", str(key), map(str, running)))


def _check_one(key: InstanceKey, situation: Situation) -> None:
    """Refuses to choose between containers: that is what an apply does."""
    homes = situation.homes(key)
    if len(homes) > 1:
        raise RequestError(f"{key} has containers on {', '.join(sorted(homes))}; settle that first: ozwald apply")
    [(host, container)] = homes.items()
    if container.name != container_name(key.realm, key.name) or len(situation.containers_of(key, host)) > 1:
        raise RequestError(f"a replacement of {key} on {host} was interrupted; finish it first: ozwald apply")
