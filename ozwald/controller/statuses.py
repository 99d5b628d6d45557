"""How each service is, from what the hosts show, what is being done and what has failed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ozwald.model.active import ActiveService, Status
from ozwald.model.plan import Action, InstanceKey, Operation

_DOING = {
    Action.CREATE: Status.STARTING,
    Action.REPLACE: Status.STARTING,
    Action.START: Status.STARTING,
    Action.STOP: Status.STOPPING,
}


def with_work(
    services: Iterable[ActiveService],
    *,
    blocked: Mapping[InstanceKey, str],
    under_way: Mapping[InstanceKey, Operation],
    failures: Mapping[InstanceKey, str],
) -> tuple[ActiveService, ...]:
    """The services with what the controller knows beyond their containers.

    What is being done counts before what has failed, and that before what is waited for.
    """
    return tuple(_with_work(service, blocked, under_way, failures) for service in services)


def _with_work(
    service: ActiveService,
    blocked: Mapping[InstanceKey, str],
    under_way: Mapping[InstanceKey, Operation],
    failures: Mapping[InstanceKey, str],
) -> ActiveService:
    if service.status is Status.UNREACHABLE:
        return service
    operation = under_way.get(service.key)
    if operation is not None and operation.action in _DOING:
        return replace(service, status=_DOING[operation.action], reason=operation.reason, host=operation.host)
    if service.status is Status.AVAILABLE:
        return service
    if service.key in failures:
        return replace(service, status=Status.FAILED, reason=failures[service.key])
    return replace(service, reason=blocked.get(service.key, service.reason))
