"""`list_active_services`."""

import time

import click

from ozwald.cli.output import emit, limit_option, output_option, print_table, warn_unreachable
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.execution.observe import observe_containers
from ozwald.model.active import ActiveService
from ozwald.model.active_document import active_document
from ozwald.model.units import show_age
from ozwald.planning.active import active_services
from ozwald.state.wanted import read_wanted, wanted_path


@click.command()
@limit_option
@output_option
@with_workspace
def list_active_services(workspace: Workspace, limit: str | None, output: str) -> int:
    """List every instance that runs or should run, as the hosts themselves have it."""
    hosts = workspace.hosts(limit)
    wanted = read_wanted(wanted_path(workspace.home, workspace.provisioner.name))
    with workspace.fleet() as fleet:
        situation = observe_containers(
            fleet, workspace.settings.inventory, hosts, controller=workspace.home.controller_id()
        )
    services = [service for service in active_services(wanted, situation) if limit is None or service.host in hosts]
    headings = ("INSTANCE", "SERVICE", "VARIETY", "PROFILE", "HOST", "STATUS", "AGE", "ENDPOINT", "REASON")
    rows = [_row(service) for service in services]
    emit(
        [active_document(service) for service in services],
        output,
        table=lambda: print_table(headings, rows, empty="nothing is running; start something with: ozwald apply"),
    )
    warn_unreachable(situation.unreachable)
    return 1 if situation.unreachable else 0


def _row(service: ActiveService) -> tuple[str, ...]:
    return (
        str(service.key),
        service.service,
        service.variety or "-",
        service.profile or "-",
        service.host or "-",
        service.status.value,
        show_age(max(0.0, time.time() - service.since)) if service.since else "-",
        service.endpoint or "-",
        service.reason,
    )
