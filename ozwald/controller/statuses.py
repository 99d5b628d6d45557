"""How each service is, from what the hosts show, what is being done and what has failed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from ozwald.model.active import ActiveService, Status
from ozwald.model.observation import Observation
from ozwald.model.plan import Action, InstanceKey, Operation
from ozwald.model.wanted import WantedSet
from ozwald.planning.active import active_services
from ozwald.planning.situation import Situation

RUNS_ON: Final = "what is wanted now failed, and the one before still runs"
DUE: Final = "it is about to be started"
_DOING = {
    Action.CREATE: Status.STARTING,
    Action.REPLACE: Status.STARTING,
    Action.START: Status.STARTING,
    Action.RESTART: Status.STARTING,
    Action.STOP: Status.STOPPING,
}


def all_services(
    wanted: WantedSet | None, situation: Situation, last_seen: Mapping[str, Observation]
) -> list[ActiveService]:
    """Every service, those on hosts that do not answer as they were seen last: nothing there is lost."""
    silent = {name: seen for name, seen in last_seen.items() if name in situation.unreachable}
    before = active_services(wanted, replace(situation, observations=silent, unreachable={}))
    lost = {
        (one.key, one.host): _unreachable(one, situation)
        for one in before
        if one.host in silent and one.container_id is not None
    }
    hidden = {key for key, _ in lost}
    now = [one for one in active_services(wanted, situation) if one.container_id is not None or one.key not in hidden]
    return sorted([*now, *lost.values()], key=lambda one: (one.key, one.host or ""))


def with_work(
    services: Iterable[ActiveService],
    *,
    blocked: Mapping[InstanceKey, str],
    due: Mapping[InstanceKey, Operation],
    under_way: Mapping[InstanceKey, Operation],
    failures: Mapping[InstanceKey, str],
) -> tuple[ActiveService, ...]:
    """The services with what the controller knows beyond their containers; `due` is what has to be done.

    What is being done counts before what has failed, that before what is waited for, and that before what is due.
    An available service with a reason is not as it is wanted.
    """
    return tuple(_with_work(service, blocked, due, under_way, failures) for service in services)


def _with_work(
    service: ActiveService,
    blocked: Mapping[InstanceKey, str],
    due: Mapping[InstanceKey, Operation],
    under_way: Mapping[InstanceKey, Operation],
    failures: Mapping[InstanceKey, str],
) -> ActiveService:
    if service.status is Status.UNREACHABLE:
        return service
    operation = under_way.get(service.key)
    if operation is not None and operation.action in _DOING:
        return replace(service, status=_DOING[operation.action], reason=operation.reason, host=operation.host)
    failure = failures.get(service.key)
    if failure is not None:
        is_up = service.status is Status.AVAILABLE
        told = f"{RUNS_ON}: {failure}" if is_up or _comes_back(service, due) else failure
        return replace(service, status=service.status if is_up else Status.FAILED, reason=told)
    if service.status is Status.WAITING:
        return replace(service, reason=blocked.get(service.key, DUE))
    if service.key in blocked:
        return replace(service, reason=blocked[service.key])
    if service.status is Status.AVAILABLE and service.key in due:
        return replace(service, reason=f"about to {due[service.key].action}: {due[service.key].reason}")
    return service


def _comes_back(service: ActiveService, due: Mapping[InstanceKey, Operation]) -> bool:
    """Whether a container that was to be replaced has just been started again."""
    operation = due.get(service.key)
    is_old = operation is not None and operation.action is Action.REPLACE
    return is_old and service.status is Status.STARTING


def _unreachable(service: ActiveService, situation: Situation) -> ActiveService:
    why = f"{service.host} does not answer ({situation.unreachable[service.host or '']})"
    return replace(service, status=Status.UNREACHABLE, reason=f"{why}; it was {service.status} when last seen")
