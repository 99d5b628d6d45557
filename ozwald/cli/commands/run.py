"""`run`: a command or a script on many hosts at once."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from ozwald.cli.exact import exact
from ozwald.cli.harmless import harmless_line
from ozwald.cli.output import emit, output_option
from ozwald.cli.prefixed import PrefixedLines
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import HostError, RequestError
from ozwald.model.host import Host
from ozwald.planning.patterns import select
from ozwald.remote.command import OUTPUT_BYTES, CommandResult, OnOutput, Stream, shell_words
from ozwald.remote.fleet import AT_ONCE, Fleet, HostResults
from ozwald.remote.scripts import script_words

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What is run on each host; `timeout_s` covers connecting, too."""

    words: list[str]
    stdin: bytes
    timeout_s: float
    limit_bytes: int
    become: bool | None

    def on(self, host: Host, fleet: Fleet, on_output: OnOutput | None) -> CommandResult:
        deadline = time.monotonic() + self.timeout_s
        connection = fleet.connection(host, deadline=deadline)
        return connection.run(
            self.words,
            stdin=self.stdin,
            timeout_s=deadline - time.monotonic(),
            limit_bytes=self.limit_bytes,
            become=self.become,
            on_output=on_output,
        )


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("pattern")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
@click.option("--shell", metavar="TEXT", help="Shell text to run instead of words.")
@click.option(
    "--script",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A script of this machine to run; words are its arguments.",
)
@click.option("--become/--no-become", default=None, help="With or without sudo [default: as the inventory says].")
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=60.0,
    show_default=True,
    help="Seconds for each host, connecting included.",
)
@click.option(
    "--parallel", type=click.IntRange(min=1), default=AT_ONCE, show_default=True, help="Hosts at the same time."
)
@click.option(
    "--max-output",
    type=click.IntRange(min=1),
    default=OUTPUT_BYTES // MIB,
    show_default=True,
    metavar="MIB",
    help="How much of a host's output is taken.",
)
@output_option
@with_workspace
def run(
    workspace: Workspace,
    pattern: str,
    words: tuple[str, ...],
    shell: str | None,
    script: Path | None,
    become: bool | None,
    timeout: float,
    parallel: int,
    max_output: int,
    output: str,
) -> int:
    """Run a command on every host of PATTERN: ozwald run all -- uptime

    The words reach the command as they are; no shell takes them apart. Output is shown as it comes, each line behind
    its host. --timeout is also kept on the host. Ctrl-C ends the commands on the hosts.

    Exits with 1 when the command failed anywhere.
    """
    command, stdin = _command(words, shell, script)
    task = _Task(words=command, stdin=stdin, timeout_s=timeout, limit_bytes=max_output * MIB, become=become)
    hosts = {host.name: host for host in select(workspace.settings.inventory, pattern)}
    with workspace.fleet(at_once=parallel) as fleet:
        if output == "table":
            ended = _run_live(task, hosts, fleet)
        else:
            ended = fleet.each(hosts.values(), lambda host: task.on(host, fleet, None))
            emit(_document(ended), output, table=lambda: None)
    ended.raise_if_nothing_reached()
    succeeded = all(result.exit_status == 0 for result in ended.values.values())
    return 0 if succeeded and not ended.failures else 1


def _command(words: tuple[str, ...], shell: str | None, script: Path | None) -> tuple[list[str], bytes]:
    """The words to run and what is given to them as input."""
    if script is not None and shell is None:
        content = script.read_bytes()
        return script_words(content, words), content
    if script is not None or bool(words) == (shell is not None):
        raise RequestError("give one of: words after --, --shell TEXT, --script FILE")
    return shell_words(shell) if shell is not None else list(words), b""


def _run_live(task: _Task, hosts: Mapping[str, Host], fleet: Fleet) -> HostResults[CommandResult]:
    lines = PrefixedLines(list(hosts))

    def shown(name: str) -> OnOutput:
        def show(stream: Stream, content: bytes) -> None:
            lines.add(name, content, is_error=stream == "stderr")
            if lines.broken:
                fleet.interrupt()

        return show

    def execute(host: Host) -> CommandResult:
        try:
            result = task.on(host, fleet, shown(host.name))
        finally:
            lines.end(host.name)
        for note in _notes(result):
            lines.note(host.name, note)
        return result

    ended = fleet.each(hosts.values(), execute)
    if lines.broken:
        raise BrokenPipeError
    for name, error in ended.failures.items():
        lines.note(name, harmless_line(error.message))
    return ended


def _notes(result: CommandResult) -> list[str]:
    notes = []
    if result.timed_out:
        notes.append("ran out of time and was ended; give it more with --timeout")
    elif result.exit_status != 0:
        notes.append(f"exit status {result.exit_status}")
    if result.truncated:
        notes.append("there was more output; take more with --max-output")
    return notes


def _document(ended: HostResults[CommandResult]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = [
        {
            "host": name,
            "exit_status": result.exit_status,
            **exact("stdout", result.stdout),
            **exact("stderr", result.stderr),
            "truncated": result.truncated,
            "timed_out": result.timed_out,
        }
        for name, result in ended.values.items()
    ]
    return results + [_error(name, error) for name, error in ended.failures.items()]


def _error(name: str, error: HostError) -> dict[str, Any]:
    return {"host": name, "error": error.message, "failure": error.failure.value}
