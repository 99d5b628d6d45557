"""Compares what is wanted with what is there, and says what has to happen."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from ozwald.model.active import Status
from ozwald.model.container import (
    LABEL_LIMITS,
    LABEL_PROFILE,
    LABEL_SERVICE,
    LABEL_SPEC,
    LABEL_VARIETY,
    ContainerDetails,
    ObservedContainer,
    container_name,
)
from ozwald.model.plan import Action, Change, InstanceKey, Operation, Placement
from ozwald.model.secrecy import without_secrets
from ozwald.model.wanted import Leaving
from ozwald.planning.changes import changes, in_place
from ozwald.planning.fingerprint import Marks
from ozwald.planning.settled import settled
from ozwald.planning.shares import cards_of
from ozwald.planning.situation import Situation
from ozwald.planning.status import status_of, unhealthy
from ozwald.planning.strangers import foreign

MOST_TOLD: Final = 4

_CANNOT_START = ("dead", "removing")


class _Verdict(NamedTuple):
    action: Action
    reason: str
    changes: tuple[Change, ...] = ()


def wanted_here(placement: Placement, situation: Situation, marks: Marks) -> Operation:
    """What has to happen to one instance on the host it was placed on.

    Containers of the instance under any other name were left behind by an interrupted replacement: without one
    of the right name the replacement goes on with the first of them, and all are removed at its end.
    """
    current = situation.named(placement.host, container_name(placement.key.realm, placement.key.name))
    if current is not None and not situation.owns(placement.host, current):
        return _operation(placement, Action.BLOCKED, reason=foreign(current, placement.host, situation.controller))
    others = [container for container in situation.containers_of(placement.key, placement.host) if container != current]
    if current is None and others:
        current, *others = others
        verdict = _Verdict(Action.REPLACE, "a replacement was interrupted")
    elif current is None:
        verdict = _Verdict(Action.CREATE, "not there yet")
    else:
        verdict = _compare(current, placement, marks, situation, has_leftovers=bool(others))
    return replace(
        _operation(placement, verdict.action, reason=verdict.reason),
        container_id=current.id if current else None,
        leftovers=tuple(container.id for container in others),
        fingerprint=marks.fingerprint,
        limits=marks.limits,
        changes=verdict.changes,
    )


def unwanted(
    placed: Mapping[InstanceKey, Placement], keep: Iterable[InstanceKey], situation: Situation
) -> list[Operation]:
    """Stops every container of ours that is not wanted where it is; `keep` are instances to leave alone."""
    kept = set(keep)
    operations = []
    for host, key, container in situation.ours():
        if key in kept or (key in placed and placed[key].host == host):
            continue
        reason = f"it belongs on {placed[key].host} now" if key in placed else "no longer wanted"
        operations.append(Operation(action=Action.STOP, key=key, host=host, container_id=container.id, reason=reason))
    return operations


def still_leaving(leaving: Iterable[Leaving], situation: Situation) -> list[Operation]:
    """Tells of each container that has to go but is on a host that does not answer."""
    return [
        Operation(
            action=Action.BLOCKED,
            key=one.key,
            host=one.host,
            reason=f"cannot be stopped: {one.host} is unreachable; apply again when it is back",
        )
        for one in leaving
        if one.host in situation.unreachable
    ]


def _compare(
    current: ObservedContainer, placement: Placement, marks: Marks, situation: Situation, *, has_leftovers: bool
) -> _Verdict:
    details = situation.details.get((placement.host, current.id))
    if details is None and current.labels.get(LABEL_SPEC) != marks.fingerprint:
        return _Verdict(Action.REPLACE, _what_changed(current, placement))
    found = _changes(placement, details, situation) if details else ()
    if not all(in_place(change) for change in found):
        return _Verdict(Action.REPLACE, _told(found), found)
    is_available = status_of(current) is Status.AVAILABLE
    if current.state in _CANNOT_START:
        return _Verdict(Action.REPLACE, current.status or current.state, found)
    if not is_available and set(cards_of(current)) != {gpu.id for gpu in placement.gpus}:
        return _Verdict(Action.REPLACE, "its cards are others now", found)
    if has_leftovers:
        return _Verdict(Action.START, "a replacement was interrupted", found)
    if not is_available:
        return _Verdict(Action.START, _problem(current, placement), found)
    if found or (details is None and current.labels.get(LABEL_LIMITS) != marks.limits):
        return _Verdict(Action.UPDATE, _told(found) or "its limits changed", found)
    return _Verdict(Action.KEEP, _unasked(placement, situation) or current.status)


def _problem(current: ObservedContainer, placement: Placement) -> str:
    if current.is_unhealthy:
        return unhealthy(without_secrets(current.health_output, placement.spec.environment))
    return current.status or current.state


def _changes(placement: Placement, details: ContainerDetails, situation: Situation) -> tuple[Change, ...]:
    wanted = settled(placement.spec, placement.networks, placement.gpus)
    return (*changes(wanted, details), *_moved(placement, details, situation))


def _moved(placement: Placement, details: ContainerDetails, situation: Situation) -> tuple[Change, ...]:
    """Whether the registry has another image under the reference now, where that was asked for."""
    answer = situation.registry.get((placement.host, placement.spec.image))
    if answer is None or answer.digest is None or answer.digest in details.image_digests:
        return ()
    return (Change(path="image digest", old=", ".join(details.image_digests) or None, new=answer.digest),)


def _unasked(placement: Placement, situation: Situation) -> str:
    answer = situation.registry.get((placement.host, placement.spec.image))
    return (
        f"kept, though it is not known whether its image is current: {answer.problem}"
        if answer and answer.problem
        else ""
    )


def _told(found: Sequence[Change]) -> str:
    paths = [change.path for change in found]
    more = f" and {len(paths) - MOST_TOLD} more" if len(paths) > MOST_TOLD else ""
    return f"{', '.join(paths[:MOST_TOLD])}{more} changed" if paths else ""


def _what_changed(current: ObservedContainer, placement: Placement) -> str:
    spec = placement.spec
    pairs = {
        "service": (current.labels.get(LABEL_SERVICE, ""), spec.service),
        "variety": (current.labels.get(LABEL_VARIETY, ""), spec.variety or ""),
        "profile": (current.labels.get(LABEL_PROFILE, ""), spec.profile or ""),
    }
    changed = [f"{what} {old or 'none'} -> {new or 'none'}" for what, (old, new) in pairs.items() if old != new]
    return ", ".join(changed) or "its settings changed"


def _operation(placement: Placement, action: Action, *, reason: str) -> Operation:
    realm, depends_on = placement.spec.realm, placement.spec.depends_on
    return Operation(
        action=action,
        key=placement.key,
        host=placement.host,
        placement=placement,
        reason=reason,
        after=tuple(InstanceKey(realm=realm, name=first.instance) for first in depends_on),
        needs=tuple(InstanceKey(realm=realm, name=first.instance) for first in depends_on if first.required),
    )
