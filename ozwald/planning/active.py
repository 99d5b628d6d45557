"""Reads from containers and the wanted set which services are active, and how they are."""

from dataclasses import replace

from ozwald.model.active import ActiveService, Status
from ozwald.model.container import (
    LABEL_PROFILE,
    LABEL_SERVICE,
    LABEL_VARIETY,
    ObservedContainer,
    container_name,
)
from ozwald.model.host import Host
from ozwald.model.plan import InstanceKey
from ozwald.model.wanted import WantedInstance, WantedSet
from ozwald.planning.endpoints import address_and_port
from ozwald.planning.situation import Situation
from ozwald.planning.status import status_of, unhealthy


def active_services(wanted: WantedSet | None, situation: Situation) -> list[ActiveService]:
    """Every instance on every host where it has a container of ours, and every wanted one that has none."""
    situation = situation.as_of(wanted)
    always = {one.key for one in wanted.instances if one.persistent} if wanted else set()
    services = [
        _running(key, host, container, situation.inventory.hosts[host])
        for key in {key for _, key, _ in situation.ours()}
        for host, container in situation.homes(key).items()
    ]
    present = {service.key for service in services}
    for instance in wanted.instances if wanted else ():
        if instance.key not in present:
            services.append(_absent(instance, situation))
    services = [replace(one, persistent=one.key in always) for one in services]
    return sorted(services, key=lambda service: (service.key, service.host or ""))


def _running(key: InstanceKey, host: str, container: ObservedContainer, machine: Host) -> ActiveService:
    status, labels = status_of(container), container.labels
    is_replaced = container.name != container_name(key.realm, key.name)
    return ActiveService(
        key=key,
        service=labels.get(LABEL_SERVICE, ""),
        variety=labels.get(LABEL_VARIETY) or None,
        profile=labels.get(LABEL_PROFILE) or None,
        host=host,
        status=status,
        reason=_reason(container, status, is_replaced=is_replaced),
        since=container.created_at,
        endpoint=next(
            (address_and_port(machine, port.published) for port in container.ports if port.published is not None), None
        ),
        image=container.image,
        generation=container.generation,
        container_id=container.id,
    )


def _reason(container: ObservedContainer, status: Status, *, is_replaced: bool) -> str:
    if is_replaced:
        return "it is being replaced; if no apply is under way, run: ozwald apply"
    if container.is_unhealthy:
        return unhealthy("")  # what it printed may hold a secret, and whose is not known here
    return "" if status is Status.AVAILABLE else container.status or container.state


def _absent(instance: WantedInstance, situation: Situation) -> ActiveService:
    request, home = instance.request, instance.placed_on
    unreachable = home in situation.unreachable
    return ActiveService(
        key=instance.key,
        service=request.service,
        variety=request.variety,
        profile=request.profile,
        host=home,
        status=Status.UNREACHABLE if unreachable else Status.WAITING,
        reason=f"{home} does not answer" if unreachable else "it has no container; run: ozwald apply",
    )
