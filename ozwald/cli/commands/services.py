"""`list_active_services`."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import click

from ozwald.cli.controllers import controller_if_alive
from ozwald.cli.harmless import harmless_line
from ozwald.cli.output import emit, limit_option, output_option, print_table, warn_unreachable
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.execution.observe import observe_containers
from ozwald.model.active_document import active_document
from ozwald.model.plan import InstanceKey
from ozwald.model.units import show_age
from ozwald.planning.active import active_services
from ozwald.state.wanted import read_wanted, wanted_path


@click.command()
@limit_option
@output_option
@with_workspace
def list_active_services(workspace: Workspace, limit: str | None, output: str) -> int:
    """List every instance that runs or should run: as a live controller has it, else as the hosts themselves do."""
    hosts = workspace.hosts(limit)
    with controller_if_alive(workspace) as controller:
        if controller is not None:
            found = [one for one in controller.client.active() if limit is None or one["host"] in hosts]
            _show(found, output)
            return 1 if any(one["status"] == "unreachable" for one in found) else 0
    wanted = read_wanted(wanted_path(workspace.home, workspace.provisioner.name))
    with workspace.fleet() as fleet:
        situation = observe_containers(
            fleet, workspace.settings.inventory, hosts, controller=workspace.home.controller_id()
        )
    services = [service for service in active_services(wanted, situation) if limit is None or service.host in hosts]
    _show([active_document(service) for service in services], output)
    warn_unreachable(situation.unreachable)
    return 1 if situation.unreachable else 0


def service_table(documents: Sequence[Mapping[str, Any]]) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Headings and rows; which are persistent is a column only where one is, as the table has to fit the terminal."""
    rows = [_cells(one) for one in documents]
    if not any(one["persistent"] for one in documents):
        rows = [{name: cell for name, cell in row.items() if name != "PERSISTENT"} for row in rows]
    return list(rows[0]) if rows else [], [list(row.values()) for row in rows]


def print_services(documents: Sequence[Mapping[str, Any]]) -> None:
    """A table, and below it, as they are sentences, the reasons."""
    headings, rows = service_table(documents)
    print_table(headings, rows, empty="nothing is running; start something with: ozwald apply")
    for one in documents:
        if one["reason"]:
            click.echo(harmless_line(f"{_name(one)} is {one['status']}: {one['reason']}"))


def _show(documents: Sequence[Mapping[str, Any]], output: str) -> None:
    emit(list(documents), output, table=lambda: print_services(documents))


def _cells(one: Mapping[str, Any]) -> dict[str, str]:
    since = datetime.fromisoformat(one["since"]).timestamp() if one["since"] else None
    return {
        "INSTANCE": _name(one),
        "SERVICE": one["service"],
        "VARIETY": one["variety"] or "-",
        "PROFILE": one["profile"] or "-",
        "HOST": one["host"] or "-",
        "STATUS": one["status"],
        "AGE": show_age(max(0.0, time.time() - since)) if since else "-",
        "PERSISTENT": "yes" if one["persistent"] else "-",
        "ENDPOINT": one["endpoint"] or "-",
    }


def _name(one: Mapping[str, Any]) -> str:
    return str(InstanceKey(realm=one["realm"], name=one["name"]))
