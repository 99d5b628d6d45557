"""Containers that bear an instance's name and are not ours: they are named and left alone."""

from collections.abc import Iterable

from ozwald.model.container import LABEL_CONTROLLER, ObservedContainer, container_name
from ozwald.model.plan import InstanceKey
from ozwald.planning.situation import Situation, instance_of, is_an_instance


def foreign(container: ObservedContainer, host: str, controller: str) -> str:
    """Whose it is, and what to do; `controller` is our id."""
    if _is_another_controllers(container, controller):
        return (
            f"{container.name} on {host} belongs to another controller ({container.labels[LABEL_CONTROLLER]}); it is "
            f"left alone: to take it over, ozwald adopt {instance_of(container)}"
        )
    return (
        f"a container that is not ours has the name {container.name} on {host} (id {container.id[:12]}, image "
        f"{container.image}); it is left alone: rename or remove it, or give the instance another name"
    )


def running_for_another(key: InstanceKey, hosts: Iterable[str], situation: Situation) -> str:
    """Whose an instance is that another controller has on one of these hosts, or nothing: it must have no twin."""
    for host in hosts:
        found = situation.named(host, container_name(key.realm, key.name))
        if (
            found is not None
            and not situation.owns(host, found)
            and _is_another_controllers(found, situation.controller)
        ):
            return foreign(found, host, situation.controller)
    return ""


def _is_another_controllers(container: ObservedContainer, controller: str) -> bool:
    return container.labels.get(LABEL_CONTROLLER) not in (None, "", controller) and is_an_instance(container)
