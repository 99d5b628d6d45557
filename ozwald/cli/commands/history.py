"""`history`: the generations of the wanted set, and what each of them changed."""

from datetime import UTC, datetime
from typing import Any

import click

from ozwald.cli.asking import kept
from ozwald.cli.change_text import SIGNS, change_document, change_lines
from ozwald.cli.harmless import harmless_line
from ozwald.cli.output import emit, output_option, print_table, warn
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import RequestError, StateError
from ozwald.model.history import Generation
from ozwald.model.wanted import WantedInstance
from ozwald.state.history import History
from ozwald.state.wanted import instance_entry, read_wanted, wanted_path


@click.command()
@click.argument("generation", type=click.IntRange(min=1), required=False)
@click.option(
    "-n", "count", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many, at most."
)
@output_option
@with_workspace
def history(workspace: Workspace, generation: int | None, count: int, output: str) -> int:
    """Show every change of what is wanted, newest first: who made it, when, how, and what it changed.

    With a GENERATION, show all that it wanted and its difference to the one before; `ozwald apply --generation N`
    asks for that again.
    """
    records = History(workspace.home, workspace.provisioner.name)
    if generation is not None:
        _show(_found(records, generation), output)
        return 0
    numbers = records.numbers(until=_last(workspace))[:count]
    found = [one for number in numbers if (one := _read(records, number)) is not None]
    headings = ("GENERATION", "WHEN", "OWNER", "CHANGES", "COMMAND")
    emit(
        [_summary(one) for one in found],
        output,
        table=lambda: print_table(headings, [_row(one) for one in found], empty="nothing was ever asked for"),
    )
    return 0


def _last(workspace: Workspace) -> int | None:
    """The generation that is wanted now; the history is of use also where the set itself is damaged."""
    try:
        stored = read_wanted(wanted_path(workspace.home, workspace.provisioner.name))
    except StateError as error:
        warn(str(error))
        return None
    return stored.generation if stored else None


def _found(records: History, number: int) -> Generation:
    generation = records.read(number)
    if generation is None:
        raise RequestError(f"generation {number} is not kept; {kept(records)}")
    return generation


def _read(records: History, number: int) -> Generation | None:
    """One generation for the list, in which a damaged one is a warning."""
    try:
        return records.read(number)
    except StateError as error:
        warn(f"generation {number} is left out: {error}")
        return None


def _show(generation: Generation, output: str) -> None:
    document = {**_summary(generation), "instances": [instance_entry(one) for one in generation.instances]}
    emit(document, output, table=lambda: _print(generation))


def _print(generation: Generation) -> None:
    author = generation.author
    click.echo(f"generation {generation.number}, {_when(generation)}, by {harmless_line(author.owner)}")
    click.echo(harmless_line(author.command))
    for line in change_lines(generation.changes):
        click.echo(line)
    headings = ("INSTANCE", "SERVICE", "VARIETY", "PROFILE", "HOSTS", "PLACED ON")
    rows = [_cells(one) for one in generation.instances]
    click.echo()
    print_table(headings, rows, empty="it wanted nothing to run")


def _row(generation: Generation) -> tuple[str, ...]:
    changes = ", ".join(f"{SIGNS[change.kind]}{change.key}" for change in generation.changes)
    author = generation.author
    return (str(generation.number), _when(generation), author.owner, changes or "-", author.command)


def _cells(instance: WantedInstance) -> tuple[str, ...]:
    request = instance.request
    words = (request.service, request.variety, request.profile, request.host, instance.placed_on)
    return (str(instance.key), *(word or "-" for word in words))


def _when(generation: Generation) -> str:
    """The local time of this machine."""
    return datetime.fromtimestamp(generation.at).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _summary(generation: Generation) -> dict[str, Any]:
    return {
        "generation": generation.number,
        "at": datetime.fromtimestamp(generation.at, UTC).isoformat(),
        "owner": generation.author.owner,
        "command": generation.author.command,
        "changes": [change_document(change) for change in generation.changes],
    }
