"""Pure readers of what the Docker Engine API answers."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from ozwald.model.belongings import ObservedNetwork, ObservedVolume
from ozwald.model.container import Activity, ContainerState, ObservedContainer, ObservedImage, ObservedPort
from ozwald.remote.engine import PullProgress

FRAME_HEADER: Final = 8
STOP_S: Final = 10.0  # the engine's own default
NANOSECONDS: Final = 1_000_000_000
FIRST_DATE: Final = datetime.min.replace(tzinfo=UTC).timestamp()
LAST_DATE: Final = datetime.max.replace(tzinfo=UTC).timestamp() - 86_400  # wherever on Earth it is read
HEALTH: Final = frozenset({"starting", "healthy", "unhealthy"})


def container(entry: Mapping[str, Any]) -> ObservedContainer:
    """Reads one entry of `GET /containers/json`."""
    return ObservedContainer(
        id=str(entry["Id"]),
        name=_name(entry.get("Names") or ()),
        image=str(entry.get("Image", "")),
        image_id=str(entry.get("ImageID", "")),
        state=str(entry.get("State", "")),
        status=str(entry.get("Status", "")),
        created_at=_date(entry.get("Created") or 0),
        labels=_labels(entry),
        ports=tuple(_port(port) for port in entry.get("Ports") or ()),
        networks=tuple((entry.get("NetworkSettings") or {}).get("Networks") or ()),
        volumes=tuple(str(one["Name"]) for one in entry.get("Mounts") or () if one.get("Type") == "volume"),
    )


def network(entry: Mapping[str, Any]) -> ObservedNetwork:
    """Reads one entry of `GET /networks`."""
    return ObservedNetwork(
        id=str(entry["Id"]),
        name=str(entry["Name"]),
        labels=_labels(entry),
        created_at=_seconds(entry.get("Created")),
    )


def volume(entry: Mapping[str, Any]) -> ObservedVolume:
    """Reads one entry of `GET /volumes`."""
    return ObservedVolume(name=str(entry["Name"]), labels=_labels(entry), created_at=_seconds(entry.get("CreatedAt")))


def volume_sizes(answer: Mapping[str, Any]) -> dict[str, int]:
    """Reads `GET /system/df`; a volume that its driver cannot measure (-1) is left out."""
    sizes = {
        str(entry["Name"]): int((entry.get("UsageData") or {}).get("Size", -1)) for entry in answer["Volumes"] or ()
    }
    return {name: size for name, size in sizes.items() if size >= 0}


def state(entry: Mapping[str, Any]) -> ContainerState:
    """Reads `GET /containers/{id}/json`."""
    now = entry["State"]
    health = now.get("Health") or {}
    checks = health.get("Log") or ()
    return ContainerState(
        id=str(entry["Id"]),
        running=bool(now.get("Running")),
        restarting=bool(now.get("Restarting")),
        exit_code=int(now.get("ExitCode") or 0),
        oom_killed=bool(now.get("OOMKilled")),
        error=str(now.get("Error") or ""),
        restart_count=int(entry.get("RestartCount") or 0),
        health=health.get("Status") if health.get("Status") in HEALTH else None,
        health_output=str(checks[-1].get("Output") or "") if checks else "",
        health_exit_code=int(checks[-1].get("ExitCode") or 0) if checks else None,
        health_failures=int(health.get("FailingStreak") or 0),
        stop_timeout_s=_stop_timeout_s((entry.get("Config") or {}).get("StopTimeout")),
        started_at=str(now.get("StartedAt") or ""),
        pid=int(now.get("Pid") or 0) or None,
    )


def _stop_timeout_s(value: object) -> float:
    """What a container was created with; 0 is a value of its own."""
    return STOP_S if value is None else float(str(value))


def image(entry: Mapping[str, Any]) -> ObservedImage:
    """Reads `GET /images/{name}/json`."""
    digests = [str(name).rpartition("@")[2] for name in entry.get("RepoDigests") or ()]
    return ObservedImage(id=str(entry["Id"]), digest=next(iter(digests), None), size_bytes=entry.get("Size"))


def activity(entry: Mapping[str, Any]) -> Activity:
    """Reads `GET /containers/{id}/stats`; counters that the host's cgroups do not have stay 0."""
    cpu = (entry.get("cpu_stats") or {}).get("cpu_usage") or {}
    disks = (entry.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ()
    return Activity(
        cpu_s=float(cpu.get("total_usage") or 0) / NANOSECONDS,
        read_bytes=sum(int(disk.get("value") or 0) for disk in disks if str(disk.get("op")).lower() == "read"),
    )


def pull_progress(image: str, message: Mapping[str, Any]) -> PullProgress:
    """Reads one message of `POST /images/create`."""
    detail = message.get("progressDetail") or {}
    return PullProgress(
        image=image,
        status=str(message.get("status", "")),
        layer=str(message.get("id", "")),
        current_bytes=detail.get("current"),
        total_bytes=detail.get("total"),
    )


def log_text(chunks: Iterable[bytes], *, head: int | None, limit_bytes: int) -> bytes:
    """Joins the frames of `GET /containers/{id}/logs`: the first `head` lines, else the last bytes."""
    text = bytearray()
    for payload in _payloads(chunks):
        text += payload
        if head is not None and (text.count(b"\n") >= head or len(text) >= limit_bytes):
            break
        if len(text) > 2 * limit_bytes:
            del text[:-limit_bytes]
    if head is not None:
        return b"".join(bytes(text).splitlines(keepends=True)[:head])[:limit_bytes]
    return bytes(text[-limit_bytes:]) if limit_bytes else b""


def _payloads(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Takes the frames of stdout and stderr apart; a terminal's output has none and passes as it is."""
    pending = bytearray()
    for chunk in chunks:
        pending += chunk
        if re.match(rb"[\x00-\x02]\x00\x00\x00|.{0,3}\Z", pending, re.DOTALL) is None:
            yield bytes(pending)
            yield from (bytes(rest) for rest in chunks)
            return
        while len(pending) >= FRAME_HEADER:
            end = FRAME_HEADER + int.from_bytes(pending[4:FRAME_HEADER], "big")
            if len(pending) < end:
                break
            yield bytes(pending[FRAME_HEADER:end])
            del pending[:end]


def _labels(entry: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in (entry.get("Labels") or {}).items()}


def _date(number: Any) -> float:
    """Seconds since the epoch that a calendar has; raises ValueError for others, which nothing could show."""
    if not FIRST_DATE <= number <= LAST_DATE:
        raise ValueError(f"{number} is no date")
    return float(number)


def _seconds(text: object) -> float | None:
    """Seconds since the epoch; None where a plugin gives no time, or none that can be read."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()


def _name(names: Iterable[str]) -> str:
    """A linked container has more names, `/other/alias`; its own has one slash."""
    own = [name.removeprefix("/") for name in names if name.count("/") == 1]
    return own[0] if own else ""


def _port(entry: Mapping[str, Any]) -> ObservedPort:
    return ObservedPort(
        target=int(entry["PrivatePort"]),
        protocol=str(entry.get("Type", "tcp")),
        published=entry.get("PublicPort"),
        host_ip=entry.get("IP") or None,
    )
