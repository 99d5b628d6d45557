"""Looks at one host: one script, one round trip, and a pure reader of what it prints."""

import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from typing import Final

from ozwald.errors import ConnectionFailed, EngineError, Failure
from ozwald.model.resources import DockerFacts, Gpu, HostResources
from ozwald.remote import amd, nvidia
from ozwald.remote.connection import HostConnection
from ozwald.remote.text import clean

TIMEOUT_S: Final = 45.0
TOOL_S: Final = 15  # without persistence mode nvidia-smi wakes each card, a second or two apiece
TIMED_OUT: Final = 124
DOCKER_ROOT: Final = "/var/lib/docker"  # the engine's default; where it says otherwise, the disk is looked at again
NVIDIA_VENDOR: Final = "0x10de"


def probe(connection: HostConnection, *, clock: Callable[[], float] = time.time, tool_s: int = TOOL_S) -> HostResources:
    """What the host is and has now; raises ConnectionFailed. Facts it could not get are None and in `missing`.

    `tool_s` is how long the makers' tools may take.
    """
    words = ["sh", "-s", secrets.token_hex(8), DOCKER_ROOT, str(tool_s)]
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(_docker, connection)
        result = connection.run(words, stdin=_script(), timeout_s=TIMEOUT_S, become=False)
        facts, why = asked.result()
    found = parse_probe(connection.host.name, result.stdout + b"\n" + result.stderr, clock())
    if found.kernel is None and result.exit_status != 0:
        raise ConnectionFailed(
            connection.host.name,
            f"the probe ended with {result.exit_status}: {clean(result.stderr or result.stdout)}",
            failure=Failure.TERMINAL,
        )
    if facts is not None and facts.root_dir not in (None, DOCKER_ROOT):
        found = _with_disk_of(facts.root_dir or "/", found, connection)
    missing = {**found.missing, "docker": why} if why is not None else found.missing
    return replace(found, docker=facts, missing=missing)


def parse_probe(host_name: str, output: bytes, observed_at: float) -> HostResources:
    """Reads what the script printed on its two streams, one after the other. All but `docker` comes from there."""
    reading = _Reading(sections=_sections(output))
    total, available = _memory(reading)
    disk_total, disk_free = _disk(reading)
    count, model = _processors(reading)
    return HostResources(
        host=host_name,
        observed_at=observed_at,
        os=_os(reading),
        kernel=reading.line("kernel"),
        architecture=reading.line("architecture"),
        boot_id=reading.line("boot_id"),
        cpu_model=model,
        cpu_count=count,
        memory_total_bytes=total,
        memory_available_bytes=available,
        disk_total_bytes=disk_total,
        disk_free_bytes=disk_free,
        gpus=(*_nvidia(reading), *_amd(reading)),
        missing=reading.missing,
    )


def _with_disk_of(root: str, found: HostResources, connection: HostConnection) -> HostResources:
    """The facts with the disk of a Docker root that is not where the script looked."""
    result = connection.run(["df", "-Pk", "--", root], timeout_s=TIMEOUT_S, become=False)
    section = _Section(text=result.stdout.strip(), status=result.exit_status)
    total, free = _disk(_Reading(sections={"disk": section}))
    return found if total is None else replace(found, disk_total_bytes=total, disk_free_bytes=free)


@dataclass(frozen=True, slots=True)
class _Section:
    text: bytes
    status: int | None

    @property
    def lines(self) -> list[str]:
        return self.text.decode("utf-8", "replace").splitlines()


@dataclass(frozen=True, slots=True)
class _Reading:
    """The sections, and the reasons collected while facts are taken from them."""

    sections: Mapping[str, _Section]
    missing: dict[str, str] = field(default_factory=dict)

    def section(self, name: str) -> _Section:
        return self.sections.get(name, _Section(b"", None))

    def line(self, name: str) -> str | None:
        """The one line of a section whose fact has the same name."""
        text = clean(self.section(name).text)
        if self.section(name).status == 0 and text:
            return text
        self.lacks(name, text or "the probe did not get that far")
        return None

    def lacks(self, fact: str, why: str) -> None:
        self.missing[fact] = clean(why)

    @contextmanager
    def tool(self, name: str, section: _Section) -> Iterator[None]:
        """Collects what is wrong with a tool's output as the reason why cards are missing."""
        try:
            yield
        except ValueError as err:
            why = "it took too long" if section.status == TIMED_OUT else str(err)
            before = f"{self.missing['gpus']}; " if "gpus" in self.missing else ""
            self.lacks("gpus", f"{before}{name}: {why}")


@cache
def _script() -> bytes:
    return resources.files(__package__).joinpath("probe.sh").read_bytes()


def _docker(connection: HostConnection) -> tuple[DockerFacts | None, str | None]:
    try:
        return connection.engine().facts(), None
    except EngineError as err:
        return None, err.message


def _sections(output: bytes) -> dict[str, _Section]:
    """Splits at the mark that the script announces, and not at anything that a tool printed.

    What start-up files of the host's shell print comes before the announcement and is dropped.
    """
    announced = re.search(rb"^ozwald-probe ([0-9a-f]{16})$", output, re.MULTILINE)
    if announced is None:
        return {}
    line = re.compile(rb"^%s ([a-z_-]+|\.)(?: (\d+))?\n?" % announced[1], re.MULTILINE)
    found: dict[str, _Section] = {}
    name, start = "", 0
    for mark in line.finditer(output, announced.end()):
        if mark[1] != b".":
            name, start = mark[1].decode(), mark.end()
        elif name:
            found.setdefault(name, _Section(output[start : mark.start()].strip(b"\n"), int(mark[2] or 0)))
            name = ""
    if name:
        found.setdefault(name, _Section(output[start:].strip(b"\n"), None))
    return found


def _os(reading: _Reading) -> str | None:
    for line in reading.section("os").lines:
        key, _, value = line.partition("=")
        if key == "PRETTY_NAME":
            return clean(value.strip("\"'"))
    reading.lacks("os", "/etc/os-release does not say")
    return None


def _processors(reading: _Reading) -> tuple[int | None, str | None]:
    lines = reading.section("processors").lines
    numbers = [int(line) for line in lines if re.fullmatch(r"\s*\d{1,6}\s*", line)]
    models = [clean(line.partition(":")[2]) for line in lines if ":" in line]
    if not numbers:
        reading.lacks("cpu_count", "neither getconf nor /proc/cpuinfo says")
    if not models:
        reading.lacks("cpu_model", "/proc/cpuinfo does not say")
    return next(iter(numbers), None), next(iter(models), None)


def _memory(reading: _Reading) -> tuple[int | None, int | None]:
    text = reading.section("memory").text.decode("ascii", "replace")
    sizes = dict(re.findall(r"^Mem(Total|Available):\s*(\d{1,15}) kB$", text, re.MULTILINE))
    for fact, key in (("memory_total_bytes", "Total"), ("memory_available_bytes", "Available")):
        if key not in sizes:
            reading.lacks(fact, "/proc/meminfo does not say")
    total, available = (int(sizes[key]) * 1024 if key in sizes else None for key in ("Total", "Available"))
    return total, available


def _disk(reading: _Reading) -> tuple[int | None, int | None]:
    lines = reading.section("disk").lines
    found = re.search(r"\s(\d{1,18})\s+\d+\s+(\d{1,18})\s+\d+%\s", f"{lines[-1]} " if lines else "")
    if found is None:
        why = "df did not say"
        reading.lacks("disk_total_bytes", why)
        reading.lacks("disk_free_bytes", why)
        return None, None
    return int(found[1]) * 1024, int(found[2]) * 1024


def _nvidia(reading: _Reading) -> tuple[Gpu, ...]:
    section = reading.section("nvidia-smi")
    if "nvidia-smi" not in reading.sections:
        if _has_card(reading, NVIDIA_VENDOR):
            reading.lacks("gpus", "there is an NVIDIA card but no nvidia-smi: install the driver")
        return ()
    with reading.tool("nvidia-smi", section):
        return nvidia.parse_nvidia(section.text)
    return ()


def _amd(reading: _Reading) -> tuple[Gpu, ...]:
    told: list[amd.AmdCard] = []
    rocm, static = reading.section("rocm-smi"), reading.section("amd-smi-static")
    if "rocm-smi" in reading.sections:
        with reading.tool("rocm-smi", rocm):
            told = amd.parse_rocm_smi(rocm.text)
    elif "amd-smi-static" in reading.sections:
        with reading.tool("amd-smi", static):
            told = amd.parse_amd_smi(static.text, reading.section("amd-smi-metric").text)
    seen = amd.parse_sysfs(reading.section("amd_cards").text.decode("utf-8", "replace"))
    nodes = amd.parse_nodes(reading.section("amd_nodes").text.decode("utf-8", "replace"))
    return amd.cards(told, seen, nodes)


def _has_card(reading: _Reading, vendor: str) -> bool:
    return any(line.startswith(vendor) for line in reading.section("display_cards").lines)
