"""`prune` and `residue`: what Ozwald has on hosts besides what is wanted."""

from collections.abc import Sequence

import click

from ozwald.cli.confirm import agreed
from ozwald.cli.output import emit, limit_option, output_option, print_table, wait_option, warn_unreachable
from ozwald.cli.prune_text import (
    Found,
    Swept,
    found_documents,
    print_plan,
    print_swept,
    row,
    swept_documents,
)
from ozwald.cli.sweeping import sweeper
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.model.belongings import Belonging


@click.command()
@limit_option
@click.option("--volumes", is_flag=True, help="Also volumes that services may have written to: their data is lost.")
@click.option("--yes", is_flag=True, help="Remove without asking.")
@wait_option
@output_option
@with_workspace
def prune(workspace: Workspace, limit: str | None, volumes: bool, yes: bool, wait: float, output: str) -> int:
    """Remove what this controller made on the hosts and nobody uses: data that was sent, networks, leftovers.

    Shows it first and asks; other forms than the table show it only, unless --yes is given. What a container
    mentions, a stopped one too, stays, and so does all that others made. Where a controller is alive, it does it, on
    each host when nothing else is in hand there, which is waited for 10 minutes unless --wait says otherwise.
    """
    with sweeper(workspace, limit, volumes=volumes, wait_s=wait) as hands:
        planned = hands.look()
        planned.raise_if_nothing_reached()
        if output == "table":
            print_plan(planned.values)
        is_wanted = any(planned.values.values()) and (yes or (output == "table" and _agreed()))
        swept: Swept = hands.sweep(planned.values) if is_wanted else {}
    document = swept_documents(swept) if is_wanted else found_documents(planned.values)
    failures = {host: error.message for host, error in planned.failures.items()}
    emit({"removals": document, "unreachable": failures}, output, table=lambda: print_swept(swept))
    warn_unreachable(failures)
    return 1 if failures or any(one.error for results in swept.values() for one in results) else 0


@click.command()
@click.argument("patterns", metavar="HOST...", nargs=-1, required=True)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 10 when there is something.")
@output_option
@with_workspace
def residue(workspace: Workspace, patterns: Sequence[str], detailed_exitcode: bool, output: str) -> int:
    """List everything of Ozwald on hosts, whichever controller made it, changing nothing.

    Containers, networks and volumes by label or name, commands that Ozwald started and that still run, and scripts
    that a run left. Images are not among them: nobody can tell who else uses them.
    """
    from ozwald.execution.sweep import everything
    from ozwald.planning.patterns import select

    hosts = {host.name: host for pattern in patterns for host in select(workspace.settings.inventory, pattern)}
    with workspace.fleet(begin=hosts) as fleet:
        seen = fleet.map(hosts.values(), everything)
    seen.raise_if_nothing_reached()
    own = workspace.home.controller_id()
    failures = {host: error.message for host, error in seen.failures.items()}
    document = {"belongings": found_documents(seen.values), "controller": own, "unreachable": failures}
    emit(document, output, table=lambda: _print_residue(seen.values, own))
    warn_unreachable(failures)
    if failures:
        return 1
    return 10 if detailed_exitcode and any(seen.values.values()) else 0


def _agreed() -> bool:
    return agreed("remove all of it?", nothing="nothing was removed", first="look at what would go")


def _print_residue(found: Found, own: str) -> None:
    rows = [row(host, one, _owner(one, own)) for host, ones in sorted(found.items()) for one in ones]
    print_table(("HOST", "KIND", "NAME", "WHAT", "OWNER", "AGE", "SIZE"), rows, empty="nothing")


def _owner(belonging: Belonging, own: str) -> str | None:
    return "this controller" if belonging.owner == own else belonging.owner
