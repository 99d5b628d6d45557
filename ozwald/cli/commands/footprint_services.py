"""`footprint_services`."""

from collections.abc import Mapping, Sequence

import click

from ozwald.cli.controllers import live_controller
from ozwald.cli.footprint_submit import cancel, listed, submit
from ozwald.cli.output import output_option
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import RequestError
from ozwald.model.realm import Realm
from ozwald.planning.footprint_runs import Choice, all_choices, runs_of
from ozwald.planning.names import find_definition, parse_definition, split_specs
from ozwald.planning.patterns import select


@click.command()
@click.argument("definitions", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every definition that has an image.")
@click.option("--host", metavar="PATTERN", help="Only on these hosts: names, groups, globs, a:b, a:&b, a:!b.")
@click.option(
    "--run-time",
    type=click.FloatRange(min=0, max=86400),
    metavar="S",
    help="How long each service rests, once it is available [default: footprint.run-time, else 30 s].",
)
@click.option("--wait", is_flag=True, help="Where a controller measures: return when it is done, showing how it goes.")
@click.option("--list", "lists", is_flag=True, help="Show the queue, and what has ended, instead.")
@click.option("--cancel", "cancelled", metavar="ID", help="Cancel a request instead.")
@output_option
@with_workspace
def footprint_services(
    workspace: Workspace,
    definitions: Sequence[str],
    everything: bool,
    host: str | None,
    run_time: float | None,
    wait: bool,
    lists: bool,
    cancelled: str | None,
    output: str,
) -> int:
    """Measure what services really take, each in a container of its own.

    DEFINITIONS are [REALM:]service[profile][variety]; a variety or profile that is left out means all there are. A
    variety is measured once on each model of card that the hosts have, one that needs none on the first host that fits.

    Where a controller is alive it is asked to do that, and --wait waits for it. Else this command does it, and Ctrl-C
    cancels it.
    """
    specs = split_specs(definitions)
    if sum((bool(specs), everything, lists, cancelled is not None)) != 1:
        raise RequestError("say what to measure: definitions, or --all; or give --list or --cancel ID alone")
    if lists:
        return listed(workspace, output)
    if cancelled is not None:
        return cancel(workspace, cancelled, output)
    choices = _choices(specs, workspace.settings.realms)
    if host is not None:
        select(workspace.settings.inventory, host)
    with live_controller(workspace) as controller:
        if controller is not None:
            return submit(
                workspace, controller, choices, hosts=host, run_time_s=run_time, is_waiting=wait, output=output
            )
    from ozwald.cli.footprint_work import work_off

    return work_off(workspace, runs_of(choices), hosts=host, run_time_s=run_time, output=output)


def _choices(specs: Sequence[str], realms: Mapping[str, Realm]) -> list[Choice]:
    """What is meant; everything where nothing is named."""
    return [_choice(spec, realms) for spec in specs] if specs else all_choices(realms)


def _choice(spec: str, realms: Mapping[str, Realm]) -> Choice:
    definition, variety, profile = parse_definition(spec, realms)
    find_definition(definition.name, realms[definition.realm])
    return Choice(definition=definition, variety=variety, profile=profile)
