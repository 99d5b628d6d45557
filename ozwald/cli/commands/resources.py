"""`show_host_resources`: what the hosts are and have, and who holds their cards."""

import time
from collections.abc import Sequence

import click

from ozwald.cli.output import emit, limit_option, output_option, warn_unreachable
from ozwald.cli.patience import patience
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.model.resource_document import resource_document
from ozwald.model.resources import HostResources


@click.command()
@click.argument("pattern", required=False)
@limit_option
@output_option
@with_workspace
def show_host_resources(workspace: Workspace, pattern: str | None, limit: str | None, output: str) -> int:
    """Show CPU, memory, disk, engine and every card with its VRAM and who holds it, as the hosts are now."""
    hosts = workspace.hosts(pattern or limit)
    with workspace.fleet(begin=hosts) as fleet, patience(f"looking at {len(hosts)} hosts …"):
        from ozwald.remote.probe import probe  # this loads while the connections are made

        seen = fleet.map(hosts.values(), probe)
    seen.raise_if_nothing_reached()
    now = time.time()
    found = list(seen.values.values())
    document = [resource_document(resources, now=now) for resources in found]
    document += [{"host": name, "error": error.message} for name, error in seen.failures.items()]
    emit(document, output, table=lambda: _print_table(found, now=now))
    if output == "table":
        warn_unreachable({name: error.message for name, error in seen.failures.items()})
    return 1 if seen.failures else 0


def _print_table(found: Sequence[HostResources], *, now: float) -> None:
    from ozwald.cli.resource_table import print_resources  # for people, who alone need rich

    print_resources(found, now=now)
