"""`exec`: a command in a running instance."""

import os
import re
import sys
from collections.abc import Sequence
from contextlib import nullcontext, suppress

import click

from ozwald.cli.harmless import harmless
from ozwald.cli.instances import find_containers
from ozwald.cli.terminal import forward_input, raw_terminal
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import HostError, RequestError
from ozwald.planning.names import parse_key
from ozwald.remote.command import Stream
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Exec

KILL_S = 5.0


@click.command("exec", context_settings={"ignore_unknown_options": True})
@click.argument("instance")
@click.argument("words", nargs=-1, required=True, type=click.UNPROCESSED)
@click.option("--tty", is_flag=True, help="With a terminal, for shells and the like.")
@click.option("--user", metavar="USER", help="As this user of the container.")
@click.option("--workdir", metavar="FOLDER", help="In this folder of the container.")
@click.option("--env", multiple=True, metavar="NAME[=VALUE]", help="With this variable; may be given again.")
@with_workspace
def execute(
    workspace: Workspace,
    instance: str,
    words: tuple[str, ...],
    tty: bool,
    user: str | None,
    workdir: str | None,
    env: Sequence[str],
) -> int:
    """Run a command in the container of INSTANCE: ozwald exec chat -- nvidia-smi

    Standard input is passed on unless it is a terminal; --tty makes it one there, too. Exits with the command's own
    exit code.
    """
    key = parse_key(instance, workspace.settings.realms)
    environment = dict(_variable(given) for given in env)
    with workspace.fleet() as fleet:
        ((host, container_id),) = find_containers(workspace, fleet, [key])
        connection = fleet.connection(host)
        command = connection.engine().begin_exec(
            container_id, words, tty=tty, user=user, working_dir=workdir, environment=environment
        )
        try:
            return _attend(command, tty=tty)
        except (KeyboardInterrupt, BrokenPipeError):
            _end(command, connection, container_id)
            raise
        finally:
            command.close()


def _variable(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not name or not (equals or name in os.environ):
        raise RequestError(f"--env {given!r} must be NAME=VALUE, or the NAME of a variable that is set here")
    return name, value if equals else os.environ[name]


def _attend(command: Exec, *, tty: bool) -> int:
    """Joins the command with this process's streams until it ends; returns its exit code."""
    with raw_terminal(command.resize) if tty else nullcontext():
        if tty or not _is_terminal(0):
            forward_input(command.write, command.close_input)
        else:
            command.close_input()
        while (piece := command.read()) is not None:
            _show(*piece, raw=tty)
    return command.exit_code()


def _is_terminal(number: int) -> bool:
    try:
        return os.isatty(number)
    except OSError:
        return False


def _show(stream: Stream, content: bytes, *, raw: bool) -> None:
    """Bytes as they are for a pipe or the command's own terminal, harmless text for another terminal."""
    target = sys.stdout if stream == "stdout" else sys.stderr
    if target.isatty() and not raw:
        text = content.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
        content = harmless(text).encode(target.encoding or "utf-8", "backslashreplace")
    target.buffer.write(content)
    target.flush()


def _end(command: Exec, connection: HostConnection, container_id: str) -> None:
    """Docker goes on with a command whose caller has left, so it is killed: on the host, else from inside."""
    with suppress(HostError):
        pid = command.pid()
        if pid is None or connection.run(["kill", "-TERM", str(pid)], timeout_s=KILL_S).exit_status == 0:
            return
        status = connection.run(["cat", f"/proc/{pid}/status"], timeout_s=KILL_S, become=False).stdout
        numbers = re.search(rb"^NSpid:(?:\s+\d+)*\s+(\d+)$", status, re.MULTILINE)
        if numbers is not None:
            words = ["sh", "-c", 'kill -TERM "$1"', "sh", numbers[1].decode()]
            killing = connection.engine().begin_exec(container_id, words, user="0")
            while killing.read() is not None:
                pass
            killing.close()
