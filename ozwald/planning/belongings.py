"""Tells what on a host is Ozwald's, and what of it this controller may sweep."""

from collections.abc import Iterator, Mapping
from typing import Final

from ozwald.model.active import Status
from ozwald.model.belongings import Belonging, Kind, ObservedNetwork, ObservedVolume, Survey
from ozwald.model.container import (
    LABEL_CONTROLLER,
    LABEL_FOOTPRINT,
    LABEL_INSTANCE,
    LABEL_REALM,
    LABEL_SERVICE,
    ObservedContainer,
    container_name,
    leftover_name,
)
from ozwald.model.data import LABEL_BYTES, LABEL_DATA, filled_volume, is_data_volume, is_own_copy, lock_name
from ozwald.planning.situation import instance_of
from ozwald.planning.status import status_of

SETTLED_S: Final = 600.0

_NETWORK = "oznet--"
_LABELS = "ozwald."


def belongings(survey: Survey) -> tuple[Belonging, ...]:
    """Everything of Ozwald that an engine has, of whichever controller: by its labels or by its name."""
    return (
        *(_container(one) for one in survey.containers if _is_ozwalds(one.labels, one.name, "ozsvc--")),
        *(_network(one) for one in survey.networks if _is_ozwalds(one.labels, one.name, _NETWORK)),
        *(_volume(one, survey) for one in survey.volumes if _is_ozwalds(one.labels, one.name, "ozdata--")),
    )


def prunable(survey: Survey, *, controller: str, now: float, with_written: bool = False) -> tuple[Belonging, ...]:
    """What may go, in the order it has to go: this controller's by label and by name, and used by nobody.

    Containers that are stopped count as users. What an interrupted apply left goes when it is older than ten minutes;
    `with_written` takes also volumes that services may have written to. `now` is seconds since the epoch.
    """
    own = [one for one in survey.containers if one.labels.get(LABEL_CONTROLLER) == controller and _may_go(one, now)]
    replaced = [one for one in own if _is_replaced(one, survey, now)]
    helpers = [one for one in own if filled_volume(one.name)]
    staying = [one for one in survey.containers if one not in replaced and one not in helpers]
    unfinished = {filled_volume(one.name) for one in helpers}
    volumes = [
        one
        for one in survey.volumes
        if one.labels.get(LABEL_CONTROLLER) == controller
        and (with_written or one.name in unfinished or _is_copy_of_data(one))
        and not any(one.name in user.volumes or user.name == lock_name(one.name) for user in staying)
    ]
    networks = [
        one
        for one in survey.networks
        if one.labels.get(LABEL_CONTROLLER) == controller
        and one.name.startswith(_NETWORK)
        and not any(one.name in user.networks for user in staying)
    ]
    return (
        *map(_container, replaced),
        *(_container(one) for one in helpers if not _is_lock(one)),
        *(_volume(one, survey) for one in volumes),
        *(_container(one) for one in helpers if _is_lock(one)),
        *map(_network, networks),
    )


def locks(belonging: Belonging, survey: Survey, *, controller: str) -> bool:
    """Whether it is what says that a volume of this controller, which is there, is not complete."""
    return any(
        belonging.name == lock_name(one.name) and one.labels.get(LABEL_CONTROLLER) == controller
        for one in survey.volumes
    )


def _is_ozwalds(labels: Mapping[str, str], name: str, prefix: str) -> bool:
    return name.startswith(prefix) or filled_volume(name) is not None or any(key.startswith(_LABELS) for key in labels)


def _may_go(container: ObservedContainer, now: float) -> bool:
    return not container.is_running and now - container.created_at > SETTLED_S


def _is_replaced(container: ObservedContainer, survey: Survey, now: float) -> bool:
    """Whether an interrupted replacement left it, and its successor has proved itself."""
    if not {LABEL_REALM, LABEL_INSTANCE} <= container.labels.keys():
        return False
    name = container_name(container.labels[LABEL_REALM], container.labels[LABEL_INSTANCE])
    if container.name != leftover_name(name, container.id):
        return False
    owner = container.labels[LABEL_CONTROLLER]
    return any(
        one.name == name
        and one.labels.get(LABEL_CONTROLLER) == owner
        and status_of(one) is Status.AVAILABLE
        and now - one.created_at > SETTLED_S
        for one in survey.containers
    )


def _is_lock(container: ObservedContainer) -> bool:
    return container.name == lock_name(filled_volume(container.name) or "")


def _is_copy_of_data(volume: ObservedVolume) -> bool:
    """Whether all it holds is what was sent, so that the next apply can send it again."""
    return LABEL_DATA in volume.labels and is_data_volume(volume.name) and not is_own_copy(volume.name)


def _container(container: ObservedContainer) -> Belonging:
    return Belonging(
        kind=Kind.CONTAINER,
        id=container.id,
        name=container.name,
        what=f"{_purpose(container)}, {container.status or container.state}",
        owner=container.labels.get(LABEL_CONTROLLER),
        created_at=container.created_at,
    )


def _purpose(container: ObservedContainer) -> str:
    volume = filled_volume(container.name)
    if volume is not None:
        return f"sending of {volume}"
    if container.is_measured:
        return f"measuring run {container.labels[LABEL_FOOTPRINT]} of {container.labels.get(LABEL_SERVICE, '')}"
    if not {LABEL_REALM, LABEL_INSTANCE} <= container.labels.keys():
        return "without an instance"
    key = instance_of(container)
    name = container_name(key.realm, key.name)
    if container.name == name:
        return f"instance {key}"
    return f"replaced container of {key}" if container.name.startswith(name) else f"labelled as {key}"


def _network(network: ObservedNetwork) -> Belonging:
    run = network.labels.get(LABEL_FOOTPRINT)
    return Belonging(
        kind=Kind.NETWORK,
        id=network.id,
        name=network.name,
        what=f"network of measuring run {run}" if run else "network of a realm",
        owner=network.labels.get(LABEL_CONTROLLER),
        created_at=network.created_at,
    )


def _volume(volume: ObservedVolume, survey: Survey) -> Belonging:
    return Belonging(
        kind=Kind.VOLUME,
        id=volume.name,
        name=volume.name,
        what=" ".join(_contents(volume)),
        owner=volume.labels.get(LABEL_CONTROLLER),
        created_at=volume.created_at,
        size_bytes=_size(volume, survey),
    )


def _contents(volume: ObservedVolume) -> Iterator[str]:
    if run := volume.labels.get(LABEL_FOOTPRINT):
        yield f"volume of measuring run {run}"
    elif not is_data_volume(volume.name):
        yield "named volume"
    elif is_own_copy(volume.name):
        yield f"copy of the controller's data for {volume.name.rpartition('--')[2]}"
    else:
        yield "the controller's data"


def _size(volume: ObservedVolume, survey: Survey) -> int | None:
    """As measured, else what was sent, which a label says."""
    sent = volume.labels.get(LABEL_BYTES, "")
    return survey.sizes.get(volume.name, int(sent) if sent.isdecimal() and len(sent) < 20 else None)
