"""Which containers have ended or turned unhealthy between two looks, by what the engine's list says of them."""

import re
from collections.abc import Mapping
from typing import Final

from ozwald.model.container import ObservedContainer
from ozwald.model.observation import Observation

_ENDED: Final = frozenset({"exited", "restarting", "dead"})
_UP: Final = re.compile(r"Up (Less than a|About an?|\d+) (second|minute|hour|day|week|month|year)s?")
_UNIT_S: Final = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86_400,
    "week": 7 * 86_400,
    "month": 30 * 86_400,
    "year": 365 * 86_400,
}


def ended_between(before: Observation, after: Observation) -> Mapping[str, ObservedContainer]:
    """The containers, by id, that ran at the first look and have ended since, whether or not they run again."""
    earlier = {container.id: container for container in before.containers if container.is_running}
    return {one.id: one for one in after.containers if one.id in earlier and _has_ended(earlier[one.id], one)}


def turned_unhealthy_between(before: Observation, after: Observation) -> frozenset[str]:
    """The containers, by id, that ran at the first look and were not unhealthy, but are at the second."""
    well = {one.id for one in before.containers if one.is_running and not one.is_unhealthy}
    return frozenset(one.id for one in after.containers if one.id in well and one.is_unhealthy)


def _has_ended(before: ObservedContainer, after: ObservedContainer) -> bool:
    if after.state in _ENDED:
        return True
    was_up_s, is_up_s = _up_s(before), _up_s(after)
    return was_up_s is not None and is_up_s is not None and is_up_s < was_up_s


def _up_s(container: ObservedContainer) -> int | None:
    """Seconds of running, as coarse as the engine's text for people; it never falls while a container runs."""
    found = _UP.match(container.status)
    if not found:
        return None
    count, unit = found.groups()
    return (0 if count.startswith("Less") else int(count) if count.isdecimal() else 1) * _UNIT_S[unit]
