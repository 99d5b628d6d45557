"""`footprint_services`."""

from collections.abc import Mapping, Sequence

import click

from ozwald.cli.footprint_work import work_off
from ozwald.cli.output import output_option
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import RequestError
from ozwald.model.footprint import Run
from ozwald.model.service import Realm
from ozwald.planning.footprint_runs import Choice, all_choices, runs_of
from ozwald.planning.names import find_definition, parse_definition, split_specs
from ozwald.planning.patterns import select


@click.command()
@click.argument("definitions", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every definition of a container.")
@click.option("--host", metavar="PATTERN", help="Only on these hosts: names, groups, globs, a:b, a:&b, a:!b.")
@click.option(
    "--run-time",
    type=click.FloatRange(min=0),
    metavar="S",
    help="How long each service rests, once it is available [default: footprint.run-time, else 30 s].",
)
@output_option
@with_workspace
def footprint_services(
    workspace: Workspace,
    definitions: Sequence[str],
    everything: bool,
    host: str | None,
    run_time: float | None,
    output: str,
) -> int:
    """Measure what services really take, each in a container of its own.

    DEFINITIONS are [REALM:]service[profile][variety]; a variety or profile that is left out means all there are. A
    variety is measured once on each model of card that the hosts have, one that needs none on the first host that fits.
    """
    runs = _runs(workspace, definitions, everything=everything)
    if host is not None:
        select(workspace.settings.inventory, host)
    return work_off(workspace, runs, hosts=host, run_time_s=run_time, output=output)


def _runs(workspace: Workspace, definitions: Sequence[str], *, everything: bool) -> tuple[Run, ...]:
    specs = split_specs(definitions)
    if everything == bool(specs):
        raise RequestError("say what to measure: definitions, or --all")
    realms = workspace.settings.realms
    if everything:
        return runs_of(all_choices(realms))
    return runs_of([_choice(spec, realms) for spec in specs])


def _choice(spec: str, realms: Mapping[str, Realm]) -> Choice:
    definition, variety, profile = parse_definition(spec, realms)
    find_definition(definition.name, realms[definition.realm])
    return Choice(definition=definition, variety=variety, profile=profile)
