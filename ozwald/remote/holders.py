"""Pure: who holds memory of a card: process, then container, then instance; else user and program."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ozwald.model.container import LABEL_INSTANCE, LABEL_REALM, LABEL_SERVICE, ObservedContainer
from ozwald.model.resources import Gpu, Holder
from ozwald.remote.text import clean

LISTED: Final = 512
CONTAINER_ID: Final = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
ENDED: Final = "the process has ended, or this user may not see it"


@dataclass(slots=True)
class Process:
    """What /proc says of one process: `container_ids` are those in the names of its control groups, outer first."""

    name: str
    uid: str = ""
    user: str | None = None
    container_ids: list[str] = field(default_factory=list)


def parse_processes(lines: Sequence[str]) -> Mapping[int, Process]:
    """Reads the probe's own lines about /proc and the users."""
    found: dict[int, Process] = {}
    latest: Process | None = None
    names = parse_users(lines)
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind == "process":
            latest = _begun(found, rest)
        elif latest is not None and kind == "uid":
            latest.uid = rest
        elif latest is not None and kind == "group":
            latest.container_ids += CONTAINER_ID.findall(rest)
    for process in found.values():
        process.user = user_of(process.uid, names)
    return found


def parse_users(lines: Iterable[str]) -> Mapping[str, str]:
    """Names of users by their number, from the same lines."""
    names: dict[str, str] = {}
    for line in lines:
        if line.startswith("user "):
            name, _, uid = line.removeprefix("user ").rpartition(":")
            names.setdefault(uid, name)
    return names


def user_of(uid: str, names: Mapping[str, str]) -> str | None:
    """A user's name, else the number; None where it is neither."""
    if not re.fullmatch(r"\d{1,10}", uid):
        return None
    return clean(names.get(uid, uid), limit=64)


def with_processes(gpus: Iterable[Gpu], processes: Mapping[int, Process]) -> tuple[Gpu, ...]:
    """The cards with what is known of their holders, the biggest first; beyond a limit they are counted."""
    return tuple(_with_processes(gpu, processes) for gpu in gpus)


def with_containers(gpus: Iterable[Gpu], containers: Iterable[ObservedContainer]) -> tuple[Gpu, ...]:
    """The cards with the names of the containers that hold them, and of our instances."""
    known = {container.id: container for container in containers}
    return tuple(replace(gpu, holders=tuple(named(holder, known) for holder in gpu.holders)) for gpu in gpus)


def named(holder: Holder, known: Mapping[str, ObservedContainer]) -> Holder:
    """A holder with the name of its container, one of those that are known by id, and of our instance."""
    container = known.get(holder.container_id or "")
    if container is None:
        return holder
    return replace(
        holder,
        container=clean(container.name, limit=128),
        realm=_label(container, LABEL_REALM),
        instance=_label(container, LABEL_INSTANCE),
        service=_label(container, LABEL_SERVICE),
    )


def in_containers(gpus: Iterable[Gpu]) -> bool:
    """Whether any card is held by a container."""
    return any(holder.container_id for gpu in gpus for holder in gpu.holders)


def _begun(found: dict[int, Process], text: str) -> Process | None:
    pid, _, name = text.partition(" ")
    if not re.fullmatch(r"\d{1,9}", pid):
        return None
    return found.setdefault(int(pid), Process(name=clean(name, limit=64)))


def _with_processes(gpu: Gpu, processes: Mapping[int, Process]) -> Gpu:
    by_pid: dict[int, Holder] = {}
    for holder in gpu.holders:
        by_pid.setdefault(holder.pid, holder)
    ordered = sorted(by_pid.values(), key=lambda holder: (-(holder.vram_bytes or 0), holder.pid))
    listed = tuple(_identified(holder, processes.get(holder.pid)) for holder in ordered[:LISTED])
    return replace(gpu, holders=listed, more_holders=gpu.more_holders + len(ordered[LISTED:]))


def _identified(holder: Holder, process: Process | None) -> Holder:
    missing = dict(holder.missing)
    command = process.name if process and process.name else holder.command
    user = process.user if process else None
    for fact, value in (("command", command), ("user", user)):
        if value is None:
            missing[fact] = ENDED
    container_id = next(iter(process.container_ids), None) if process else None
    return replace(holder, command=command, user=user, container_id=container_id, missing=missing)


def _label(container: ObservedContainer, label: str) -> str | None:
    return clean(container.labels.get(label, ""), limit=64) or None
