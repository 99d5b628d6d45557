"""`start_provisioner`, `stop_provisioner` and `status`."""

import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ozwald.cli.output import emit, output_option, warn
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.client import Client, NoAnswer
from ozwald.controller.process import Running, end, find
from ozwald.errors import OzwaldError, RequestError, StateError

DEFAULT_LISTEN = "127.0.0.1:8000"
HEALTHY_S = 60.0
STOP_S = 90.0


@click.command()
@click.option("--foreground", is_flag=True, help="Stay in this process, for systemd and containers.")
@click.option("--listen", default=DEFAULT_LISTEN, show_default=True, metavar="HOST:PORT", help="Where the API listens.")
@with_workspace
def start_provisioner(workspace: Workspace, foreground: bool, listen: str) -> int:
    """Start the controller: it keeps what was asked for running, and serves the API.

    It runs in the background; the command returns when it is healthy.
    """
    key = system_key(workspace.environ)
    host, port = _address(listen)
    if foreground:
        from ozwald.cli.daemon import serve

        serve(workspace, host=host, port=port, key=key)
        return 0
    name = workspace.provisioner.name
    running = find(workspace.home, name)
    if running is not None:
        raise StateError(f"provisioner {name} runs already (process {running.pid}) at {running.url}")
    log_path = workspace.home.folder("logs", "provisioner") / f"{name}.log"
    _wait_healthy(_spawn(workspace, listen, log_path), workspace, log_path)
    return 0


@click.command()
@click.option("--services", is_flag=True, help="Also stop every service, by asking for none first.")
@with_workspace
def stop_provisioner(workspace: Workspace, services: bool) -> int:
    """Stop the controller; services go on running unless --services is given."""
    name = workspace.provisioner.name
    running = find(workspace.home, name)
    if running is None:
        raise RequestError(f"provisioner {name} does not run")
    if services:
        _stop_services(client_of(workspace, running))
    if not end(workspace.home, name, running, within_s=STOP_S):
        raise StateError(f"provisioner {name} (process {running.pid}) does not end; see {running.log}")
    click.echo(f"provisioner {name} stopped" + ("" if services else "; its services go on running"))
    return 0


@click.command()
@output_option
@with_workspace
def status(workspace: Workspace, output: str) -> int:
    """Show whether the provisioner and what it manages are well; exit 0 only when all is."""
    name = workspace.provisioner.name
    running = find(workspace.home, name)
    if running is None:
        document: dict[str, Any] = {"provisioner": name, "status": "stopped"}
        told = f"provisioner {name} does not run; start it: ozwald start_provisioner"
        emit(document, output, table=lambda: click.echo(told))
        return 1
    document = {"provisioner": name, "pid": running.pid, "url": running.url, "log": running.log}
    document |= _asked(client_of(workspace, running))
    emit(document, output, table=lambda: _print_status(document))
    return 0 if document["status"] == "healthy" and not document["not_available"] else 1


def system_key(environ: Mapping[str, str]) -> str:
    """The key between clients and the API; raises RequestError when it is missing or weak."""
    key = environ.get("OZWALD_SYSTEM_KEY", "")
    advice = "set OZWALD_SYSTEM_KEY, for instance: export OZWALD_SYSTEM_KEY=$(openssl rand -hex 32)"
    if not key:
        raise RequestError(f"there is no key for the API; {advice}")
    if len(key) < 16:
        raise RequestError(f"OZWALD_SYSTEM_KEY has fewer than 16 characters; {advice}")
    if not key.isascii() or any(ord(character) <= 32 for character in key):
        raise RequestError(f"OZWALD_SYSTEM_KEY has characters that no HTTP header can carry; {advice}")
    if len(key) < 32:
        warn("OZWALD_SYSTEM_KEY has fewer than 32 characters; a longer one is harder to guess")
    return key


def client_of(workspace: Workspace, running: Running) -> Client:
    """The client of a controller on this machine, or of the one that OZWALD_API_URL names."""
    return Client(workspace.environ.get("OZWALD_API_URL") or running.url, key=system_key(workspace.environ))


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or not 0 <= int(port) <= 65535:
        raise RequestError(f"--listen {listen!r} must have the form HOST:PORT")
    if host not in ("127.0.0.1", "localhost", "[::1]"):
        warn(f"the API listens on {listen}, beyond this machine, without encryption: put a TLS proxy in front of it")
    return host.strip("[]"), int(port)


def _spawn(workspace: Workspace, listen: str, log_path: Path) -> "subprocess.Popen[bytes]":
    words = [sys.executable, "-m", "ozwald", "-v", "start_provisioner", "--foreground", "--listen", listen]
    given = {
        "--config": workspace.config,
        "--inventory": workspace.inventory,
        "--provisioner": workspace.provisioner.name,
    }
    words += [word for option, value in given.items() if value is not None for word in (option, str(value))]
    with log_path.open("ab") as log:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd=workspace.folder
        )


def _wait_healthy(process: "subprocess.Popen[bytes]", workspace: Workspace, log_path: Path) -> None:
    """Says where it listens once it is healthy; a controller that is there but not well is left running."""
    name, over = workspace.provisioner.name, time.monotonic() + HEALTHY_S
    problem = "it did not answer"
    while time.monotonic() < over:
        if process.poll() is not None:
            raise StateError(f"provisioner {name} did not start: {_last_words(log_path)}; see {log_path}")
        running = find(workspace.home, name)
        if running is not None:
            answer = _health(Client(running.url))
            if answer.get("status") == "healthy":
                click.echo(f"provisioner {name} listens on {running.url} and logs to {running.log}")
                return
            if answer.get("status") == "standby":
                click.echo(f"provisioner {name} stands by at {running.url}; the active one is {answer['active']}")
                return
            problem = str(answer.get("detail", problem))
        time.sleep(0.05)
    raise OzwaldError(f"provisioner {name} runs but is not healthy after {HEALTHY_S:.0f} s: {problem}; see {log_path}")


def _health(client: Client) -> dict[str, Any]:
    try:
        return dict(client.health())
    except NoAnswer as err:
        return {"status": "silent", "detail": str(err)}


def _last_words(log_path: Path) -> str:
    lines = log_path.read_text(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("ozwald: ") if lines else "it said nothing"


def _stop_services(client: Client) -> None:
    client.update([])
    over = time.monotonic() + STOP_S
    while client.active():
        if time.monotonic() > over:
            raise OzwaldError("the services did not stop in time; the provisioner goes on trying")
        time.sleep(0.2)


def _asked(client: Client) -> dict[str, Any]:
    health = _health(client)
    services = client.active() if health["status"] != "silent" else []
    counts: dict[str, int] = {}
    for service in services:
        counts[service["status"]] = counts.get(service["status"], 0) + 1
    hosts = client.resources() if health["status"] != "silent" else []
    return {
        "status": health["status"],
        "detail": health.get("detail", ""),
        "services": counts,
        "hosts": {one["host"]: one.get("detail", "reachable") for one in hosts},
        "not_available": sum(count for kind, count in counts.items() if kind != "available"),
    }


def _print_status(document: Mapping[str, Any]) -> None:
    detail = f": {document['detail']}" if document["detail"] else ""
    click.echo(f"provisioner {document['provisioner']} is {document['status']}{detail}")
    click.echo(f"  API   {document['url']} (process {document['pid']})")
    click.echo(f"  log   {document['log']}")
    for host, state in document["hosts"].items():
        click.echo(f"  host  {host}: {state}")
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(document["services"].items()))
    click.echo(f"  services: {told or 'none'}")
