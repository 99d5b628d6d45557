"""Prints results: a table for people, JSON or YAML for programs."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import click

from ozwald.cli.harmless import harmless, harmless_json, harmless_line

if TYPE_CHECKING:
    from rich.console import Console

FORMATS = ("table", "json", "yaml")
PIPE_WIDTH = 4096

STYLES = {
    "available": "green",
    "create": "green",
    "start": "green",
    "replace": "yellow",
    "update": "yellow",
    "restart": "yellow",
    "starting": "yellow",
    "stop": "red",
    "stopping": "red",
    "failed": "red",
    "blocked": "red",
    "unreachable": "red",
    "keep": "dim",
}

output_option = click.option(
    "-o", "--output", type=click.Choice(FORMATS), default="table", show_default=True, help="Form of the result."
)
limit_option = click.option(
    "--limit", metavar="PATTERN", help="Only these hosts: names, groups, globs, a:b, a:&b, a:!b."
)
head_option = click.option("--top", type=click.IntRange(min=1), metavar="N", help="Only the first N lines.")
tail_option = click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the last N lines.")

wait_option = click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    metavar="SECONDS",
    help="How long to wait for hosts that another process is changing.",
)


def emit(document: Any, output: str, *, table: Callable[[], None]) -> None:
    """Prints a JSON-able document in the form asked for; `table` prints it for people."""
    if output == "json":
        click.echo(harmless_json(json.dumps(document, indent=2, ensure_ascii=not prints_unicode())))
    elif output == "yaml":
        import yaml

        click.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=prints_unicode()), nl=False)
    else:
        table()


def print_json_lines(documents: Iterable[Any]) -> None:
    """Prints each JSON-able document as one line."""
    ascii_only = not prints_unicode()
    lines = [json.dumps(document, ensure_ascii=ascii_only) + "\n" for document in documents]
    sys.stdout.write(harmless_json("".join(lines)))
    sys.stdout.flush()


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> None:
    """Prints aligned columns, folded to fit the terminal; cells that are a known state are coloured."""
    if not rows:
        click.echo(empty)
        return
    from rich.table import Table
    from rich.text import Text

    from ozwald.cli.columns import column_widths

    out = console()
    shown = [[harmless_line(cell) for cell in row] for row in (headings, *rows)]
    widths = column_widths(shown, out.width)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, heading in enumerate(shown[0]):
        table.add_column(Text(heading), overflow="fold", width=widths[number] if widths else None)
    for cells in shown[1:]:
        table.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in cells))
    if sys.stdout.isatty():
        out.print(table)
        return
    with out.capture() as text:
        out.print(table)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in text.get().splitlines())


def console(*, stderr: bool = False) -> "Console":
    """A rich console; colour only on a terminal and never with NO_COLOR, no folding into a pipe."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else PIPE_WIDTH, highlight=False, soft_wrap=False)


def paint(text: str, style: str) -> str:
    """Text in one colour of STYLES where standard output is a terminal that wants colour."""
    if not style or not wants_colour(sys.stdout):
        return text
    return click.style(text, dim=True) if style == "dim" else click.style(text, fg=style)


def print_text(content: bytes) -> None:
    """Text of elsewhere: bytes as they are into a pipe, harmless on a terminal."""
    if sys.stdout.isatty():
        sys.stdout.write(harmless(content.decode("utf-8", "backslashreplace").replace("\r\n", "\n")))
    else:
        sys.stdout.buffer.write(content)
    sys.stdout.flush()


def wants_colour(stream: TextIO) -> bool:
    """Whether a stream is a terminal that obeys, whose user did not say NO_COLOR."""
    return stream.isatty() and "NO_COLOR" not in os.environ and not is_dumb()


def is_dumb() -> bool:
    """Whether the terminal shows nothing but text."""
    return os.environ.get("TERM", "dumb") in ("", "dumb", "unknown")


def warn(text: str) -> None:
    """One line on stderr."""
    click.echo(harmless_line(text), err=True)


def warn_unreachable(unreachable: Mapping[str, str]) -> None:
    """One line on stderr for each host that did not answer."""
    for host, reason in unreachable.items():
        warn(f"unreachable: {host}: {reason}")


def prints_unicode() -> bool:
    """Whether standard output takes any character."""
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
