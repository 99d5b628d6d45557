"""`show_host_resources` and `run`: looking at hosts and running commands there."""

from dataclasses import asdict
from typing import Any

import click

from ozwald.cli.harmless import harmless, harmless_line
from ozwald.cli.output import emit, limit_option, output_option, print_table, warn_unreachable
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import HostError, RequestError
from ozwald.model.resources import Gpu, HostResources
from ozwald.model.units import show_bytes
from ozwald.planning.patterns import select
from ozwald.remote.command import CommandResult
from ozwald.remote.connection import HostConnection
from ozwald.remote.fleet import HostResults
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


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("pattern")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.option("--shell", metavar="TEXT", help="Shell text to run instead of words.")
@click.option("--timeout", type=click.FloatRange(min=1), default=60.0, show_default=True, help="Seconds per host.")
@output_option
@with_workspace
def run(
    workspace: Workspace, pattern: str, words: tuple[str, ...], shell: str | None, timeout: float, output: str
) -> int:
    """Run a command on every host of PATTERN: ozwald run all -- uptime

    The words reach the command as they are; no shell takes them apart. --timeout is also kept on the host.
    Exits with 1 when the command failed anywhere.
    """
    if bool(words) == (shell is not None):
        raise RequestError("give either words after -- or --shell TEXT")

    def execute(connection: HostConnection) -> CommandResult:
        if shell is not None:
            return connection.shell(shell, timeout_s=timeout)
        return connection.run(words, timeout_s=timeout)

    hosts = select(workspace.settings.inventory, pattern)
    with workspace.fleet() as fleet:
        ended = fleet.map(hosts, execute)
    emit(_document(ended), output, table=lambda: _print_results(ended))
    ended.raise_if_nothing_reached()
    succeeded = all(result.exit_status == 0 for result in ended.values.values())
    return 0 if succeeded and not ended.failures else 1


def _print_results(ended: HostResults[CommandResult]) -> None:
    width = max(map(len, (*ended.values, *ended.failures)), default=0)
    for name, result in ended.values.items():
        for stream, is_error in ((result.stdout, False), (result.stderr, True)):
            for line in harmless(stream.decode("utf-8", "backslashreplace")).splitlines():
                click.echo(f"{name:<{width}} | {line}", err=is_error)
        for note in _notes(result):
            click.echo(f"{name:<{width}} ! {note}", err=True)
    for name, error in ended.failures.items():
        click.echo(f"{name:<{width}} ! {harmless_line(error.message)}", err=True)


def _notes(result: CommandResult) -> list[str]:
    notes = []
    if result.timed_out:
        notes.append("ran out of time and was ended; give it more with --timeout")
    elif result.exit_status != 0:
        notes.append(f"exit status {result.exit_status}")
    if result.truncated:
        notes.append("there was more output than is kept")
    return notes


def _document(ended: HostResults[CommandResult]) -> list[dict[str, Any]]:
    results = [
        {
            "host": name,
            "exit_status": result.exit_status,
            "stdout": result.stdout.decode("utf-8", "backslashreplace"),
            "stderr": result.stderr.decode("utf-8", "backslashreplace"),
            "truncated": result.truncated,
            "timed_out": result.timed_out,
        }
        for name, result in ended.values.items()
    ]
    return results + [_error(name, error) for name, error in ended.failures.items()]


def _error(name: str, error: HostError) -> dict[str, Any]:
    return {"host": name, "error": error.message, "failure": error.failure.value}


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
