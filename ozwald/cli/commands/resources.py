"""`show_host_resources`: what the hosts are and have, and who holds their cards."""

import time
from collections.abc import Mapping, Sequence

import click

from ozwald.cli.controllers import Controller, controller_if_alive
from ozwald.cli.output import emit, limit_option, output_option, warn, warn_unreachable
from ozwald.cli.patience import patience
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.model.host import Host
from ozwald.model.resource_document import read_resources, resource_document
from ozwald.model.resources import HostResources
from ozwald.model.units import show_age


@click.command()
@click.argument("pattern", required=False)
@click.option("--fresh", is_flag=True, help="Ask the hosts themselves, also where a controller is alive.")
@limit_option
@output_option
@with_workspace
def show_host_resources(workspace: Workspace, pattern: str | None, fresh: bool, limit: str | None, output: str) -> int:
    """Show CPU, memory, disk, engine and every card with its VRAM and who holds it.

    A live controller is asked, which looks at the hosts every few minutes and says how old its facts are; where there
    is none the hosts are.
    """
    hosts = workspace.hosts(pattern or limit)
    if not fresh:
        with controller_if_alive(workspace) as controller:
            if controller is not None:
                return _show_known(controller, hosts, output)
    with workspace.fleet(begin=hosts) as fleet, patience(f"looking at {len(hosts)} hosts …"):
        from ozwald.remote.probe import probe  # this loads while the connections are made

        seen = fleet.map(hosts.values(), probe)
    seen.raise_if_nothing_reached()
    return _show(list(seen.values.values()), {name: error.message for name, error in seen.failures.items()}, output)


def _show_known(controller: Controller, hosts: Mapping[str, Host], output: str) -> int:
    documents = [one for one in controller.client.resources() if one["host"] in hosts]
    found = [read_resources(one) for one in documents if "observed_at" in one]
    if found:
        warn(f"its facts are up to {show_age(max(0.0, time.time() - min(one.observed_at for one in found)))} old")
    return _show(found, {one["host"]: one["detail"] for one in documents if "observed_at" not in one}, output)


def _show(found: Sequence[HostResources], unreachable: Mapping[str, str], output: str) -> int:
    now = time.time()
    document = [resource_document(resources, now=now) for resources in found]
    document += [{"host": name, "error": message} for name, message in unreachable.items()]
    emit(document, output, table=lambda: _print_table(found, now=now))
    if output == "table":
        warn_unreachable(unreachable)
    return 1 if unreachable else 0


def _print_table(found: Sequence[HostResources], *, now: float) -> None:
    from ozwald.cli.resource_table import print_resources  # for people, who alone need rich

    print_resources(found, now=now)
