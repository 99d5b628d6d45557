"""`top`: hosts, cards and services with what they take, live."""

import sys
from collections.abc import Sequence
from contextlib import suppress

import click

from ozwald.cli.output import console, emit, is_dumb, output_option, warn_unreachable
from ozwald.cli.patience import patience
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import NothingReachable
from ozwald.execution.live import CONNECT_S, LiveHosts
from ozwald.model.live import HostUse, use_document

MEASURE_S = CONNECT_S + 15.0
DRAW_EVERY_S = 1.0


@click.command()
@click.argument("pattern", required=False)
@click.option("--once", is_flag=True, help="Measure for a second, print that and end.")
@output_option
@with_workspace
def top(workspace: Workspace, pattern: str | None, once: bool, output: str) -> int:
    """Show what hosts, cards and services take, drawn anew every second; q leaves.

    All hosts are shown, or those of PATTERN. Nothing is installed on them, and no controller has to run. Into a pipe,
    and as JSON or YAML, it prints once.
    """
    hosts = workspace.hosts(pattern)
    is_live = not once and output == "table" and sys.stdout.isatty() and not is_dumb()
    with workspace.fleet(begin=hosts) as fleet, LiveHosts(fleet, hosts.values()) as live:
        if not is_live:
            with patience(f"measuring {len(hosts)} hosts …"):
                found = live.measured(MEASURE_S)
            return _print(found, output)
        _draw(live)
    return 0


def _print(found: Sequence[HostUse], output: str) -> int:
    failures = {use.host: use.failure for use in found if use.failure is not None}
    emit([use_document(use) for use in found], output, table=lambda: _print_table(found))
    if output != "table":
        warn_unreachable(failures)
    if not failures:
        return 0
    return NothingReachable.exit_code if len(failures) == len(found) else 1


def _print_table(found: Sequence[HostUse]) -> None:
    from ozwald.cli.bars import glyphs_of
    from ozwald.cli.top_view import top_lines  # for people, who alone need rich

    out = console()
    width = out.width if sys.stdout.isatty() else None
    for line in top_lines(found, width=width, glyphs=glyphs_of(sys.stdout)):
        out.print(line, no_wrap=True, overflow="ignore", crop=False)


def _draw(live: LiveHosts) -> None:
    from rich.console import Group
    from rich.live import Live

    from ozwald.cli.bars import glyphs_of
    from ozwald.cli.keyboard import END, keyboard
    from ozwald.cli.top_view import top_lines

    out, glyphs = console(), glyphs_of(sys.stdout)
    with (
        suppress(KeyboardInterrupt),
        keyboard() as pressed,
        Live(console=out, screen=True, auto_refresh=False) as screen,
    ):
        while True:
            lines = top_lines(live.now(), width=out.width, height=out.height, glyphs=glyphs)
            screen.update(Group(*lines), refresh=True)
            if pressed(DRAW_EVERY_S) in ("q", "Q", END):
                return
