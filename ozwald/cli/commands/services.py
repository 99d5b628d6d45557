"""`list_active_services`, `get_service_logs` and `get_service_launch_logs`."""

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from ozwald.cli.harmless import harmless
from ozwald.cli.instances import find_containers
from ozwald.cli.output import emit, limit_option, output_option, print_table, warn_unreachable
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import RequestError
from ozwald.execution.observe import observe_containers
from ozwald.model.active import ActiveService
from ozwald.model.units import show_age
from ozwald.planning.active import active_services
from ozwald.planning.names import parse_key, split_specs
from ozwald.state.launch_logs import LaunchLogs
from ozwald.state.wanted import read_wanted, wanted_path

head_option = click.option("--top", type=click.IntRange(min=1), metavar="N", help="Only the first N lines.")
tail_option = click.option("--last", type=click.IntRange(min=1), metavar="N", help="Only the last N lines.")


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
        [_active(service) for service in services],
        output,
        table=lambda: print_table(headings, rows, empty="nothing is running; start something with: ozwald apply"),
    )
    warn_unreachable(situation.unreachable)
    return 1 if situation.unreachable else 0


@click.command()
@click.argument("instances", nargs=-1, required=True)
@head_option
@tail_option
@with_workspace
def get_service_logs(workspace: Workspace, instances: Sequence[str], top: int | None, last: int | None) -> int:
    """Show what instances have written to stdout and stderr, read from their hosts."""
    if top and last:
        raise RequestError("give --top or --last, not both")
    keys = [parse_key(spec, workspace.settings.realms) for spec in split_specs(instances)]
    with workspace.fleet() as fleet:
        for host, container_id in find_containers(workspace, fleet, keys):
            _print_log(fleet.connection(host).engine().logs(container_id, head=top, tail=last))
    return 0


@click.command()
@click.argument("instance")
@head_option
@tail_option
@with_workspace
def get_service_launch_logs(workspace: Workspace, instance: str, top: int | None, last: int | None) -> int:
    """Show how an instance was started: pull, create, health, and its last lines when that failed."""
    key = parse_key(instance, workspace.settings.realms)
    kept = LaunchLogs(workspace.home).read(key)
    if kept is None:
        raise RequestError(f"no launch of {key} is on record in {workspace.home.path}")
    lines = kept.splitlines(keepends=True)
    lines = lines[:top] if top else lines
    _print_log("".join(lines[-last:] if last else lines).encode())
    return 0


def _print_log(content: bytes) -> None:
    """Bytes as they are into a pipe, harmless text on a terminal."""
    if sys.stdout.isatty():
        click.echo(harmless(content.decode("utf-8", "backslashreplace").replace("\r\n", "\n")), nl=False)
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()


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


def _active(service: ActiveService) -> dict[str, Any]:
    since = datetime.fromtimestamp(service.since, UTC).isoformat() if service.since else None
    return {
        "name": service.key.name,
        "service": service.service,
        "realm": service.key.realm,
        "variety": service.variety,
        "profile": service.profile,
        "status": service.status.value,
        "reason": service.reason,
        "since": since,
        "host": service.host,
        "endpoint": service.endpoint,
        "image": service.image,
        "generation": service.generation,
    }
