"""`footprints`."""

import shlex
import shutil
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click

from ozwald.cli.footprint_table import print_comparison, print_list, title
from ozwald.cli.harmless import harmless_line
from ozwald.cli.output import emit, output_option, prints_unicode
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.config.footprint_book import book_entry, read_book
from ozwald.errors import RequestError, StateError
from ozwald.footprint.book import chosen, ratios
from ozwald.footprint.course import Trace
from ozwald.model.footprint import Combination, Footprint
from ozwald.model.realm import Layer, Profile, Realm, ServiceDefinition, Variety
from ozwald.model.resources import Hardware
from ozwald.planning.names import parse_definition, split_specs
from ozwald.state.traces import Traces

TERMINAL = "-"


@click.command()
@click.argument("definitions", nargs=-1)
@click.option("--host", metavar="NAME", help="Only what was measured on this host; a glob works, too.")
@click.option("--compare", is_flag=True, help="Show them side by side, with ratios to the first.")
@click.option("--plot", metavar="FILE", help="Draw the run over time: FILE.svg, FILE.png, or - for the terminal.")
@output_option
@with_workspace
def footprints(
    workspace: Workspace, definitions: Sequence[str], host: str | None, compare: bool, plot: str | None, output: str
) -> int:
    """Show what services were measured to take: the peaks, and what they take at rest.

    A DEFINITION is [REALM:]service[profile][variety]; without one, everything in the book that
    OZWALD_FOOTPRINT_DATA names is shown.
    """
    if plot is not None and (compare or output != "table"):
        raise RequestError("--plot draws; give it without --compare and --output")
    found = _found(workspace.footprint_book, definitions, host)
    if plot is not None:
        _plot(workspace, _only(found), plot)
    elif compare:
        _compare(found, output)
    else:
        documents = [book_entry(footprint) for footprint in found]
        emit(documents, output, table=lambda: print_list(found, empty=_nothing(workspace, host)))
    return 0


def _found(path: Path, definitions: Sequence[str], host: str | None) -> list[Footprint]:
    book = read_book(path)
    asked = [_combination(text, book, path) for text in split_specs(definitions)]
    found = chosen(book, asked) if asked else list(book)
    return [footprint for footprint in found if host is None or fnmatchcase(footprint.host or "", host)]


def _combination(text: str, book: Sequence[Footprint], path: Path) -> Combination:
    way_out = f"measure it: ozwald footprint_services {shlex.quote(text)}"
    if not book:
        raise RequestError(f"{path} has no footprints yet; {way_out}")
    try:
        definition, variety, profile = parse_definition(text, _realms(book))
    except RequestError as err:
        raise RequestError(f"{path}: {err}\n{way_out}") from err
    return Combination(realm=definition.realm, service=definition.name, variety=variety, profile=profile)


def _realms(book: Iterable[Footprint]) -> Mapping[str, Realm]:
    """What was measured, as if settings said it: names are read by the same rules, whatever the settings say now."""
    services: dict[str, dict[str, list[Combination]]] = {}
    for combination in (footprint.combination for footprint in book):
        services.setdefault(combination.realm, {}).setdefault(combination.service, []).append(combination)
    return {
        realm: Realm(name=realm, definitions={name: _definition(known) for name, known in definitions.items()})
        for realm, definitions in services.items()
    }


def _definition(known: Sequence[Combination]) -> ServiceDefinition:
    varieties = dict.fromkeys(one.variety for one in known if one.variety)
    profiles = dict.fromkeys(one.profile for one in known if one.profile)
    return ServiceDefinition(
        realm=known[0].realm,
        name=known[0].service,
        varieties={name: Variety(name=name, hardware=Hardware.CPU_ONLY, layer=Layer()) for name in varieties},
        profiles={name: Profile(name=name, layer=Layer()) for name in profiles},
    )


def _nothing(workspace: Workspace, host: str | None) -> str:
    where = f" on {host!r}" if host else ""
    return f"{workspace.footprint_book} has no footprints{where} yet; measure: ozwald footprint_services DEFINITION"


def _compare(found: Sequence[Footprint], output: str) -> None:
    if len(found) < 2:
        raise RequestError(f"comparing takes at least two footprints, and {len(found) or 'none'} fits")
    documents = [_compared(footprint, found[0]) for footprint in found]
    emit(documents, output, table=lambda: print_comparison(found))


def _compared(footprint: Footprint, first: Footprint) -> dict[str, Any]:
    return {**book_entry(footprint), "ratio_to_first": ratios(footprint.usage, first.usage)}


def _only(found: Sequence[Footprint]) -> Footprint:
    if len(found) == 1:
        return found[0]
    if not found:
        raise RequestError("there is nothing to draw: nothing of the kind was measured")
    known = "\n".join(f"  {title(footprint)}" for footprint in found)
    raise RequestError(f"one run is drawn at a time; say which, with profile, variety or --host:\n{known}")


def _plot(workspace: Workspace, footprint: Footprint, plot: str) -> None:
    trace = _trace(workspace, footprint)
    if plot == TERMINAL:
        _draw_here(trace, footprint)
        return
    from ozwald.footprint.drawing import FORMATS, picture

    form = Path(plot).suffix.lower().removeprefix(".")
    if form not in FORMATS:
        raise RequestError(f"{plot}: a plot is written as .svg or .png; - draws in the terminal")
    _write(Path(workspace.folder, plot), picture(trace, title=title(footprint), form=form))
    click.echo(f"written  {plot}")


def _trace(workspace: Workspace, footprint: Footprint) -> Trace:
    trace = Traces(workspace.home).read(footprint)
    if trace is None:
        raise RequestError(
            f"{title(footprint)}: how this run went is not kept in {workspace.home.path}; it was measured from "
            "another data folder, or the entry was changed: measure again"
        )
    return trace


def _draw_here(trace: Trace, footprint: Footprint) -> None:
    from ozwald.footprint.terminal_plot import draw

    click.echo(harmless_line(title(footprint)))
    for line in draw(trace, width=shutil.get_terminal_size().columns, unicode=prints_unicode()):
        click.echo(line)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as err:
        raise StateError(f"cannot write {path}: {err.strerror}") from err
