"""`start_provisioner`, `stop_provisioner` and `reload`."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from ozwald.cli.background import spawn, wait_healthy, warn_of_hosts
from ozwald.cli.controllers import KEY_ADVICE, Controller, controller_of, known_name, plainly, system_key
from ozwald.cli.elsewhere import split_address
from ozwald.cli.output import warn
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.client import Client
from ozwald.client.documents import ActiveService
from ozwald.controller.process import end, find
from ozwald.errors import OzwaldError, RequestError, StateError
from ozwald.state.footprint_book import book_path

T = TypeVar("T")

DEFAULT_LISTEN = "127.0.0.1:8000"
STOP_S = 90.0
FIRST_LOOK_S = 5.0
RELOAD_S = 30.0


@click.command()
@click.option("--foreground", is_flag=True, help="Stay in this process and log to standard error.")
@click.option(
    "--listen",
    metavar="HOST:PORT",
    help=f"Where the API listens [default: the provisioner's listen:, else {DEFAULT_LISTEN}].",
)
@click.option("--log-file", type=click.Path(path_type=Path), hidden=True)
@with_workspace
def start_provisioner(workspace: Workspace, foreground: bool, listen: str | None, log_file: Path | None) -> int:
    """Start the controller: it keeps what was asked for running, and serves the API.

    It runs in the background; the command returns when it is healthy and says where it listens and logs. With
    --foreground it stays, for systemd and containers. Needs OZWALD_SYSTEM_KEY, the key of the API.
    """
    key = _checked(workspace)
    listen = listen or workspace.provisioner.listen or DEFAULT_LISTEN
    host, port = _address(listen)
    if foreground:
        from ozwald.cli.daemon import serve
        from ozwald.cli.service_log import log_as_a_service

        log_as_a_service(log_file)
        serve(workspace, host=host, port=port, key=key, log_file=log_file)
        return 0
    running = find(workspace.home, workspace.provisioner.name)
    if running is not None:
        name = workspace.provisioner.name
        raise StateError(f"provisioner {name} runs already (process {running.pid}) at {running.url}")
    return _start(workspace, listen, key)


@click.command()
@click.option("--services", is_flag=True, help="Also stop the services, but for the persistent ones.")
@with_workspace
def stop_provisioner(workspace: Workspace, services: bool) -> int:
    """Stop the controller; services go on running unless --services is given, which asks for none of them first.

    What a controller that was killed has left behind is removed.
    """
    name = known_name(workspace)
    running = find(workspace.home, name)
    if running is None:
        return _clear_up(workspace, services=services)
    persistent: list[str] = []
    if services:
        with controller_of(workspace) as controller:
            persistent = _stop_services(controller)
    if not end(workspace.home, name, running, within_s=STOP_S):
        raise StateError(f"provisioner {name} (process {running.pid}) does not end; see {running.log}")
    click.echo(f"provisioner {name} stopped{_what_runs_on(persistent, services=services)}")
    return 0


@click.command()
@with_workspace
def reload(workspace: Workspace) -> int:
    """Have the controller of this machine read settings and inventory again.

    They are checked as a whole first: when something is wrong the former ones stay, and status goes on saying so. Hosts
    that join are connected, those that leave are let go; what is being done is not disturbed.
    """
    name = known_name(workspace)
    running = find(workspace.home, name)
    if running is None:
        raise RequestError(f"provisioner {name} does not run on this machine, where reload and SIGHUP reach it")
    os.kill(running.pid, signal.SIGHUP)
    over = time.monotonic() + RELOAD_S
    while time.monotonic() < over:
        now = find(workspace.home, name)
        if now is not None and now.reloads > running.reloads:
            if now.reload_problem:
                raise RequestError(f"the former settings stay:\n{now.reload_problem}")
            click.echo(f"provisioner {name} has read its settings again")
            return 0
        time.sleep(0.05)
    raise OzwaldError(f"provisioner {name} has not read its settings within {RELOAD_S:.0f} s; see {running.log}")


def _checked(workspace: Workspace) -> str:
    """The key; all that is missing, wrong or weak about the variables is told at once."""
    key, no_key = _tried(lambda: system_key(workspace.environ, advice=KEY_ADVICE))
    _, no_hosts = _tried(workspace.hosts)
    _, no_book = _tried(lambda: book_path(workspace.environ, workspace.folder))
    if no_book:
        warn(no_book)
    if key and len(key) < 32:
        warn(f"OZWALD_SYSTEM_KEY has fewer than 32 characters; a longer one is harder to guess: {KEY_ADVICE}")
    if no_key or no_hosts:
        raise RequestError("\n".join(filter(None, (no_key, no_hosts))))
    return key or ""


def _tried(ask: Callable[[], T]) -> tuple[T | None, str]:
    """The answer, and why there is none."""
    try:
        return ask(), ""
    except RequestError as error:
        return None, str(error)


def _address(listen: str) -> tuple[str, int]:
    host, port = split_address(listen)
    if host not in ("127.0.0.1", "localhost", "::1"):
        warn(f"the API listens on {listen}, beyond this machine, without encryption: put a TLS proxy in front of it")
    return host, port


def _start(workspace: Workspace, listen: str, key: str) -> int:
    name = workspace.provisioner.name
    log_path = workspace.home.folder("logs", "provisioner") / f"{name}.log"
    running, active = wait_healthy(spawn(workspace, listen, log_path), workspace, log_path)
    if active:
        click.echo(f"provisioner {name} stands by at {running.url}; the active one is {active}")
        return 0
    click.echo(f"provisioner {name} listens on {running.url} and logs to {running.log}")
    with plainly():
        if warn_of_hosts(_first_status(Client(running.url, key=key))):
            return 0
    warn("no host can be reached; the provisioner goes on trying")
    return 3


def _first_status(client: Client) -> dict[str, Any]:
    over = time.monotonic() + FIRST_LOOK_S
    status = client.status()
    while status["loop"]["pass_age_s"] is None and time.monotonic() < over:
        time.sleep(0.1)
        status = client.status()
    return dict(status)


def _clear_up(workspace: Workspace, *, services: bool) -> int:
    from ozwald.cli.daemon import clear_up

    name = workspace.provisioner.name
    if services:
        raise RequestError(f"provisioner {name} does not run; stop services without it: ozwald apply --remove NAME")
    removed = clear_up(workspace.home, name)
    told = f"; removed what it left: {', '.join(removed)}" if removed else ""
    click.echo(f"provisioner {name} does not run{told}")
    return 0


def _what_runs_on(persistent: list[str], *, services: bool) -> str:
    if not services:
        return "; its services go on running"
    return f"; what the settings have as persistent goes on running: {', '.join(persistent)}" if persistent else ""


def _stop_services(controller: Controller) -> list[str]:
    """Returns what goes on running, since it is persistent."""
    controller.client.update([])
    over = time.monotonic() + STOP_S
    while left := [one for one in controller.client.active() if _is_to_stop(one)]:
        if time.monotonic() > over:
            names = ", ".join(one["name"] for one in left)
            raise OzwaldError(f"these did not stop in time, and the provisioner goes on trying: {names}")
        time.sleep(0.2)
    return sorted(one["name"] for one in controller.client.active() if one["persistent"])


def _is_to_stop(service: ActiveService) -> bool:
    return service["status"] != "unreachable" and not service["persistent"]
