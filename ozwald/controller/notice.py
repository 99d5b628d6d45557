"""What has befallen services between two moments, without anybody having asked for it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ozwald.controller.watch import Snapshot
from ozwald.model.container import ObservedContainer
from ozwald.model.plan import InstanceKey
from ozwald.planning.endings import ended_between, turned_unhealthy_between
from ozwald.planning.situation import Situation

EXIT_CODE: Final = re.compile(r"(?:Exited|Restarting) \((-?\d+)\)")


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """`ended` says of services how they ended, where the engine still knows; `rebooted` are hosts."""

    ended: Mapping[InstanceKey, str] = field(default_factory=dict)
    unhealthy: frozenset[InstanceKey] = frozenset()
    rebooted: frozenset[str] = frozenset()


def news(
    before: Snapshot, now: Snapshot, situation: Situation, *, worked_on_at: Callable[[InstanceKey], float]
) -> News:
    """Compares two moments; `worked_on_at` is when the loop last had a service in hand, infinity while it has."""
    keys = {(host, container.id): key for host, key, container in situation.ours()}
    ended: dict[InstanceKey, str] = {}
    unhealthy, rebooted = set(), set()
    for host, look in now.looks.items():
        earlier = before.looks.get(host)
        if host in now.silent or earlier is None or earlier.observation is None or look.observation is None:
            continue
        boots = earlier.observation.resources.boot_id, look.observation.resources.boot_id
        if None not in boots and boots[0] != boots[1]:
            rebooted.add(host)
            continue
        left_alone = {
            container_id: key
            for (where, container_id), key in keys.items()
            if where == host and worked_on_at(key) < earlier.begun_at
        }
        seen = earlier.observation, look.observation
        ended |= {left_alone[name]: _how(one) for name, one in ended_between(*seen).items() if name in left_alone}
        unhealthy |= {left_alone[name] for name in turned_unhealthy_between(*seen) & left_alone.keys()}
    return News(ended=ended, unhealthy=frozenset(unhealthy), rebooted=frozenset(rebooted))


def _how(container: ObservedContainer) -> str:
    """`exit code 7` of `Exited (7) 2 minutes ago`; one that runs again does not say."""
    found = EXIT_CODE.match(container.status)
    return f"exit code {found[1]}" if found else ""
