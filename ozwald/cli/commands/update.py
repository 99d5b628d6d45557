"""`update_services`."""

import time
from typing import Any

import click

from ozwald.cli.asking import Request, ask_of, request_options
from ozwald.cli.commands.provisioner import client_of
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.client import ApiError, Client
from ozwald.controller.process import find
from ozwald.errors import OzwaldError, RequestError
from ozwald.model.wanted import WantedSet
from ozwald.planning.asking import wanted_after
from ozwald.state.wanted import read_wanted, wanted_path


@click.command()
@request_options
@click.option("--clear", is_flag=True, help="Ask for nothing at all: every service is stopped.")
@click.option("--wait", is_flag=True, help="Return when all of them are available.")
@click.option("--timeout", type=float, default=3600.0, show_default=True, metavar="SECONDS", help="For --wait.")
@with_workspace
def update_services(workspace: Workspace, clear: bool, wait: bool, timeout: float, **request: Any) -> int:
    """Ask the provisioner for exactly these instances; it starts, replaces and stops what that takes.

    INSTANCES are as for apply. The request is durable when the command returns.
    """
    name = workspace.provisioner.name
    running = find(workspace.home, name)
    if running is None:
        raise RequestError(f"provisioner {name} does not run; start it: ozwald start_provisioner, or use: ozwald apply")
    client = client_of(workspace, running)
    stored = read_wanted(wanted_path(workspace.home, name))
    wanted = [] if clear else _list(_wanted(workspace, Request(**request), stored))
    try:
        generation = client.update(wanted, expected=stored.generation if stored else 0)
    except ApiError as error:
        raise OzwaldError(error.detail) from error
    click.echo(f"accepted as generation {generation}: {len(wanted)} instances")
    return _wait(client, generation, {(one["realm"], one["name"]) for one in wanted}, timeout) if wait else 0


def _wanted(workspace: Workspace, request: Request, stored: WantedSet | None) -> WantedSet:
    known = workspace.settings.inventory.hosts
    return wanted_after(ask_of(request, workspace), stored, known=known, looked_at=known)


def _list(wanted: WantedSet) -> list[dict[str, str | None]]:
    return [
        {
            "realm": one.request.realm,
            "name": one.request.name,
            "service": one.request.service,
            "variety": one.request.variety,
            "profile": one.request.profile,
            "host": one.request.host,
        }
        for one in wanted.instances
    ]


def _wait(client: Client, generation: int, wanted: set[tuple[str | None, str | None]], timeout_s: float) -> int:
    """Until the loop has worked on this generation and all that is wanted is available, and nothing else is left."""
    over = time.monotonic() + timeout_s
    while True:
        services = {(one["realm"], one["name"]): one for one in client.active()}
        is_there = client.generation() >= generation and services.keys() == wanted
        if is_there and all(one["status"] == "available" for one in services.values()):
            click.echo("all are available")
            return 0
        if time.monotonic() > over:
            for one in services.values():
                click.echo(f"{one['name']}: {one['status']}: {one['reason']}", err=True)
            return 1
        time.sleep(0.3)
