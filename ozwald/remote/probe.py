"""Looks at one host: one script, one round trip, and a pure reader of what it prints."""

import secrets
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Final

from ozwald.errors import ConnectionFailed, EngineError, Failure, HostError
from ozwald.model.host import Connection
from ozwald.model.resources import DockerFacts, Gpu, Hardware, HostResources
from ozwald.remote import amd, holders, listeners, machine_facts, nvidia, pci
from ozwald.remote.connection import HostConnection
from ozwald.remote.floods import at_most
from ozwald.remote.reading import Reading, read_sections
from ozwald.remote.text import clean

TIMEOUT_S: Final = 45.0
TOOL_S: Final = 15  # without persistence mode nvidia-smi wakes each card, a second or two apiece
OUTPUT_BYTES: Final = 4 << 20  # the script keeps its tools far below this

Asked = Future[tuple[DockerFacts | None, str | None]]


def probe(
    connection: HostConnection,
    *,
    clock: Callable[[], float] = time.time,
    tool_s: int = TOOL_S,
    platform: str = sys.platform,
) -> HostResources:
    """What the host is and has now; raises ConnectionFailed. Facts it could not get are None and in `missing`.

    `tool_s` is how long the makers' tools may take; `platform` is the controller's, where it is the host as well.
    """
    has_script = connection.host.connection is not Connection.LOCAL or platform == "linux"
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(_docker, connection)
        found = _look(connection, asked, clock, tool_s) if has_script else _look_here(connection, clock)
        facts, why = asked.result()
    if facts is not None and holders.in_containers(found.gpus):
        found = _with_containers(found, connection)
    missing = {**found.missing, "docker": why} if why is not None else found.missing
    return replace(found, docker=facts, missing=missing)


def parse_probe(host_name: str, output: bytes, observed_at: float) -> HostResources:
    """Reads what the script printed on its two streams, one after the other. All but `docker` comes from there."""
    reading = read_sections(output)
    memory = machine_facts.memory(reading)
    processes = holders.parse_processes(reading.section("holders").lines)
    names = pci.parse_names(reading.section("names").lines)
    gpus = holders.with_processes((*_nvidia(reading), *_amd(reading, names)), processes)
    cards = pci.parse_cards(reading.section("cards").lines)
    found = HostResources(
        host=host_name,
        observed_at=observed_at,
        **machine_facts.system(reading),
        **machine_facts.processors(reading),
        **memory,
        **machine_facts.disk(reading),
        engine_sockets=machine_facts.engine_sockets(reading),
        listeners=listeners.parse_listeners(reading),
        container_toolkit=machine_facts.toolkit(reading),
        gpus=tuple(_sharing(gpu, memory["memory_total_bytes"], memory["memory_available_bytes"]) for gpu in gpus),
        other_cards=pci.others(cards, gpus, names),
        missing=reading.missing,
    )
    _point_out_drivers(found, reading)
    return found


def _look(connection: HostConnection, asked: Asked, clock: Callable[[], float], tool_s: int) -> HostResources:
    words = ["sh", "-s", secrets.token_hex(8), str(tool_s)]
    name = connection.host.name
    result = connection.run(
        words,
        stdin=_whole_script(asked),
        timeout_s=TIMEOUT_S,
        become=False,
        on_output=at_most(OUTPUT_BYTES, name, "the probe"),
    )
    output = result.stdout + b"\n" + result.stderr
    if b"\nozwald-probe " not in output:
        said = clean(result.stderr or result.stdout) or "nothing"
        message = f"it did not run the probe, which ended with {result.exit_status} and said: {said}"
        raise ConnectionFailed(name, message, failure=Failure.TERMINAL)
    return parse_probe(name, output, clock())


def _look_here(connection: HostConnection, clock: Callable[[], float]) -> HostResources:
    from ozwald.remote import this_machine  # most controllers never need psutil

    return this_machine.read(connection.host.name, clock())


def _with_containers(found: HostResources, connection: HostConnection) -> HostResources:
    """The facts with the names of the containers that hold cards; without names, where the engine does not answer."""
    try:
        containers = connection.engine().list_containers()
    except EngineError as err:
        return replace(found, missing={**found.missing, "containers": err.message})
    return replace(found, gpus=holders.with_containers(found.gpus, containers))


def _whole_script(asked: Asked) -> Iterator[bytes]:
    """The host is at work on the script while its engine says where it keeps its data; it runs no third command."""
    yield _script()
    root = "/"
    with suppress(HostError):
        facts, _ = asked.result()
        root = (facts and facts.root_dir) or root
    yield f"finish {shlex.quote(root)}\n".encode()


@cache
def _script() -> bytes:
    return resources.files(__package__).joinpath("probe.sh").read_bytes()


def _docker(connection: HostConnection) -> tuple[DockerFacts | None, str | None]:
    try:
        return connection.engine().facts(), None
    except EngineError as err:
        return None, err.message


def _nvidia(reading: Reading) -> tuple[Gpu, ...]:
    if "nvidia-smi" not in reading.sections:
        return ()
    section = reading.section("nvidia-smi")
    mig_names = nvidia.parse_mig_names(reading.section("nvidia-mig").text)
    with reading.tool("nvidia-smi", section):
        found = nvidia.parse_nvidia(section.text, mig_names, is_cut=section.status is None)
        if section.status is None:
            reading.lacks("gpus", "nvidia-smi: it printed more than is read")
        return found
    return ()


def _amd(reading: Reading, names: Mapping[str, str]) -> tuple[Gpu, ...]:
    told: list[amd.AmdCard] = []
    rocm, static = reading.section("rocm-smi"), reading.section("amd-smi-static")
    if "rocm-smi" in reading.sections:
        with reading.tool("rocm-smi", rocm):
            told = amd.parse_rocm_smi(rocm.text)
    elif "amd-smi-static" in reading.sections:
        with reading.tool("amd-smi", static):
            told = amd.parse_amd_smi(static.text, reading.section("amd-smi-metric").text)
    return amd.cards(
        told,
        amd.parse_sysfs(reading.section("cards").lines),
        amd.parse_nodes(reading.section("amd_nodes").lines),
        amd.parse_computing(reading.section("amd_holders").lines),
        names,
    )


def _sharing(gpu: Gpu, total: int | None, available: int | None) -> Gpu:
    """A card without memory of its own has the machine's; none can have more than is free there."""
    if not gpu.unified_memory or total is None or available is None:
        return gpu
    own = total if gpu.vram_total_bytes is None else gpu.vram_total_bytes
    used = total - available if gpu.vram_used_bytes is None else gpu.vram_used_bytes
    known = {name: why for name, why in gpu.missing.items() if name not in ("vram_total_bytes", "vram_used_bytes")}
    return replace(gpu, vram_total_bytes=own, vram_used_bytes=min(own, max(used, own - available)), missing=known)


def _point_out_drivers(found: HostResources, reading: Reading) -> None:
    """Cards that nobody can use for want of a driver are what people trip over first."""
    vendors = {card.vendor_id for card in found.other_cards}
    if pci.NVIDIA in vendors and "nvidia-smi" not in reading.sections:
        reading.lacks("gpus", "there is an NVIDIA card but no nvidia-smi: install the driver")
    if pci.AMD in vendors and not found.cards(Hardware.AMDGPU):
        reading.lacks("gpus", "there is an AMD card that the amdgpu driver does not serve")
