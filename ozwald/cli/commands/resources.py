"""`show_host_resources`: what the hosts are and have."""

from dataclasses import asdict
from typing import Any

import click

from ozwald.cli.output import emit, limit_option, output_option, print_table, warn_unreachable
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.model.resources import Gpu, HostResources
from ozwald.model.units import show_bytes
from ozwald.remote.probe import probe


@click.command()
@click.argument("pattern", required=False)
@limit_option
@output_option
@with_workspace
def show_host_resources(workspace: Workspace, pattern: str | None, limit: str | None, output: str) -> int:
    """Show CPU, memory, disk, Docker and every GPU with its VRAM, as the hosts are now."""
    hosts = workspace.hosts(pattern or limit)
    with workspace.fleet() as fleet:
        seen = fleet.map(hosts.values(), probe)
    seen.raise_if_nothing_reached()
    document = [_resources(resources) for resources in seen.values.values()]
    document += [{"host": name, "error": error.message} for name, error in seen.failures.items()]
    rows = [_row(resources) for resources in seen.values.values()]
    headings = ("HOST", "SYSTEM", "CPUS", "MEMORY FREE", "DISK FREE", "DOCKER", "CARDS (VRAM FREE)")
    emit(document, output, table=lambda: print_table(headings, rows, empty="no hosts"))
    if output == "table":
        warn_unreachable({name: error.message for name, error in seen.failures.items()})
    return 1 if seen.failures else 0


def _resources(resources: HostResources) -> dict[str, Any]:
    document = asdict(resources)
    for card, gpu in zip(document["gpus"], resources.gpus, strict=True):
        card["hardware"] = gpu.hardware.value
        card["vram_free_bytes"] = gpu.vram_free_bytes
    document["gpus"] = list(document["gpus"])
    if document["docker"]:
        document["docker"]["runtimes"] = list(document["docker"]["runtimes"])
    return document


def _row(resources: HostResources) -> tuple[str, ...]:
    return (
        resources.host,
        resources.os or "?",
        str(resources.cpu_count or "?"),
        _share(resources.memory_available_bytes, resources.memory_total_bytes),
        _share(resources.disk_free_bytes, resources.disk_total_bytes),
        resources.docker.version if resources.docker else f"none: {resources.missing.get('docker', 'unknown')}",
        ", ".join(_card(gpu) for gpu in resources.gpus) or "-",
    )


def _card(gpu: Gpu) -> str:
    return f"{gpu.hardware.value}:{gpu.index} {gpu.name} ({_share(gpu.vram_free_bytes, gpu.vram_total_bytes)})"


def _share(part: int | None, whole: int | None) -> str:
    return f"{show_bytes(part) if part is not None else '?'} of {show_bytes(whole) if whole is not None else '?'}"
