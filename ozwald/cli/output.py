"""Prints results: a table for people, JSON or YAML for programs."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from ozwald.cli.harmless import harmless_line

FORMATS = ("table", "json", "yaml")

output_option = click.option(
    "-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True, help="Form of the result."
)
limit_option = click.option("--limit", metavar="PATTERN", help="Only these hosts: names, groups, globs, a:b, a:&b, a:!b.")


def emit(document: Any, output: str, *, table: Callable[[], None]) -> None:
    """Prints a JSON-able document in the form asked for; `table` prints it for people."""
    if output == "json":
        click.echo(json.dumps(document, indent=2, ensure_ascii=not _prints_unicode()))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=_prints_unicode()), nl=False)
    else:
        table()


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Prints aligned columns that fit the terminal: the last column gives way first."""
    if not rows:
        click.echo(empty)
        return
    cells = [[harmless_line(cell) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(headings), *cells]) for column in range(len(headings))]
    click.echo(click.style(_line(headings, widths), bold=True))
    for row in cells:
        click.echo(_line(row, widths))


def warn(text: str) -> None:
    """One line on stderr."""
    click.echo(harmless_line(text), err=True)


def print_unreachable(unreachable: Mapping[str, str]) -> None:
    """One line on stderr for each host that did not answer."""
    for host, reason in unreachable.items():
        warn(f"{click.style('unreachable', fg='red')} {host}: {reason}" if _colour() else f"unreachable {host}: {reason}")


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells[:-1], widths[:-1], strict=True)]
    return _fit("  ".join([*padded, cells[-1]]).rstrip())


def _fit(line: str) -> str:
    if not sys.stdout.isatty():
        return line
    width = os.get_terminal_size(sys.stdout.fileno()).columns
    return line if len(line) <= width or width < 20 else line[: width - 1] + "…"


def _colour() -> bool:
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ


def _prints_unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
