"""Pure: reads what the probe printed of the machine itself, without its cards."""

import re
from typing import Any, Final

from ozwald.model.resources import ContainerToolkit
from ozwald.remote.reading import Reading
from ozwald.remote.text import clean

MOST_PROCESSORS: Final = 65536
MEMORY: Final = {
    "MemTotal": "memory_total_bytes",
    "MemAvailable": "memory_available_bytes",
    "SwapTotal": "swap_total_bytes",
    "SwapFree": "swap_free_bytes",
}
LISTED: Final = 64


def system(reading: Reading) -> dict[str, Any]:
    """Facts of HostResources on the system, by name."""
    facts: dict[str, Any] = {name: reading.line(name) for name in ("kernel", "architecture", "boot_id")}
    return facts | {"os": _os(reading), "cgroup_version": _cgroup_version(reading)}


def processors(reading: Reading) -> dict[str, Any]:
    """Facts of HostResources on processors, by name."""
    lines = reading.section("processors").lines
    said = dict(line.split(" ", 1) for line in lines if line.startswith(("online ", "count ", "load ")))
    models = [clean(line.partition(":")[2]) for line in lines if ":" in line]
    cores, sockets = _topology(reading)
    facts = {
        "cpu_model": next(filter(None, models), None),
        "cpu_count": _listed(said.get("online", "")) or _whole(said.get("count", "")),
        "cpu_cores": cores,
        "cpu_sockets": sockets,
        "load_1m": _load(said.get("load", "")),
    }
    reasons = {
        "cpu_model": "/proc/cpuinfo does not say",
        "cpu_count": "neither /sys/devices/system/cpu nor getconf says",
        "cpu_cores": "/sys/devices/system/cpu does not say",
        "cpu_sockets": "/sys/devices/system/cpu does not say",
        "load_1m": "/proc/loadavg does not say",
    }
    return _complete(reading, facts, reasons)


def memory(reading: Reading) -> dict[str, Any]:
    """Facts of HostResources on memory and swap, by name."""
    text = reading.section("memory").text.decode("ascii", "replace")
    sizes = dict(re.findall(r"^(\w+):\s*(\d{1,15}) kB$", text, re.MULTILINE))
    facts = {fact: int(sizes[key]) * 1024 if key in sizes else None for key, fact in MEMORY.items()}
    return _complete(reading, facts, dict.fromkeys(facts, "/proc/meminfo does not say"))


def disk(reading: Reading) -> dict[str, Any]:
    """Facts of HostResources on the disk, by name, from what `df -Pk` prints."""
    lines = reading.section("disk").lines
    found = re.search(r"\s(\d{1,18})\s+\d+\s+(\d{1,18})\s+\d+%\s", f"{lines[-1]} " if lines else "")
    sizes = (int(found[1]) * 1024, int(found[2]) * 1024) if found else (None, None)
    facts = dict(zip(("disk_total_bytes", "disk_free_bytes"), sizes, strict=True))
    return _complete(reading, facts, dict.fromkeys(facts, "df did not say"))


def engine_sockets(reading: Reading) -> tuple[str, ...]:
    """The sockets of container engines that were seen."""
    return tuple(clean(line) for line in reading.section("engine_sockets").lines[:LISTED] if line.startswith("/"))


def toolkit(reading: Reading) -> ContainerToolkit | None:
    """The NVIDIA container toolkit, or None with the reason."""
    found: dict[str, list[str]] = {"tool": [], "cdi": []}
    for line in reading.section("toolkit").lines[: 2 * LISTED]:
        kind, _, name = line.partition(" ")
        if kind in found:
            found[kind].append(clean(name))
    if not any(found.values()):
        reading.lacks("container_toolkit", "there is no nvidia-ctk, no runtime hook and no CDI specification")
        return None
    said = re.search(rb"version v?(\d[\w.+~-]{0,40})", reading.section("toolkit_version").text)
    missing = "nvidia-ctk does not say" if "nvidia-ctk" in found["tool"] else "there is no nvidia-ctk"
    return ContainerToolkit(
        tools=tuple(found["tool"]),
        version=said[1].decode() if said else None,
        cdi_specs=tuple(found["cdi"]),
        missing={} if said else {"version": missing},
    )


def _complete(reading: Reading, facts: dict[str, Any], reasons: dict[str, str]) -> dict[str, Any]:
    for fact, value in facts.items():
        if value is None:
            reading.lacks(fact, reasons[fact])
    return facts


def _os(reading: Reading) -> str | None:
    for line in reading.section("os").lines:
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME" and (name := clean(value.strip("\"'"))):
            return name
    reading.lacks("os", "/etc/os-release does not say")
    return None


def _cgroup_version(reading: Reading) -> int | None:
    text = reading.section("cgroup_version").text.strip()
    if text in (b"1", b"2"):
        return int(text)
    reading.lacks("cgroup_version", "/sys/fs/cgroup does not say")
    return None


def _topology(reading: Reading) -> tuple[int | None, int | None]:
    """Cores, by the lists of their threads, and sockets: the first half of the lines and the second."""
    lines = reading.section("topology").lines
    threads, sockets = lines[: len(lines) // 2], lines[len(lines) // 2 :]
    if not lines or len(lines) % 2 or not all(re.fullmatch(r"\d[\d,-]*", line) for line in threads):
        return None, None
    known = all(re.fullmatch(r"\d{1,9}", line) for line in sockets)
    return len(set(threads)), len(set(sockets)) if known else None


def _listed(ranges: str) -> int | None:
    """How many numbers a list of the kernel's has: `0-3,8`."""
    count = 0
    for part in ranges.split(","):
        found = re.fullmatch(r"(\d{1,6})(?:-(\d{1,6}))?", part.strip())
        if found is None:
            return None
        count += max(0, int(found[2] or found[1]) - int(found[1]) + 1)
    return count if 0 < count <= MOST_PROCESSORS else None


def _whole(text: str) -> int | None:
    count = int(text) if re.fullmatch(r"\d{1,6}", text.strip()) else 0
    return count if 0 < count <= MOST_PROCESSORS else None


def _load(text: str) -> float | None:
    found = re.match(r"\d{1,7}\.\d{1,4}(?= )", text)
    return float(found[0]) if found else None
