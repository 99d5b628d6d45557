"""`init`: the first files, from the machine at hand."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import click

from ozwald.cli import starter
from ozwald.errors import HostError, StateError
from ozwald.model.host import Connection, Host
from ozwald.model.resources import HostResources


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False), default=".")
@click.option("--add-ssh-hosts", is_flag=True, help="Add every host of ~/.ssh/config without asking.")
def init(directory: Path, add_ssh_hosts: bool) -> None:
    """Write settings.yml, inventory/hosts.yml and .env into DIRECTORY; what is there already stays as it is."""
    files: dict[str, tuple[int, Callable[[], str]]] = {
        "settings.yml": (0o644, starter.settings_text),
        "inventory/hosts.yml": (0o644, lambda: _inventory(add_ssh_hosts)),
        ".env": (0o600, starter.environment_text),
    }
    for name, (mode, text) in files.items():
        path = directory / name
        if path.exists() or path.is_symlink():
            click.echo(f"kept     {path}")
            continue
        _write_new(path, text(), mode)
        click.echo(f"written  {path}")
    click.echo("next: edit them, then run: ozwald validate, ozwald trust all, ozwald show_host_resources")


def _inventory(add_ssh_hosts: bool) -> str:
    from ozwald.remote.ssh_config import aliases

    offered = starter.usable(aliases(os.environ.get("OZWALD_SSH_CONFIG")))
    if add_ssh_hosts:
        chosen = offered
    elif sys.stdin.isatty():
        chosen = [name for name in offered if click.confirm(f"add {name} from ~/.ssh/config?", default=False)]
    else:
        chosen = []
    return starter.inventory_text(_this_machine(), chosen, offered)


def _this_machine() -> HostResources | None:
    from ozwald.remote.local import LocalConnection
    from ozwald.remote.probe import probe

    connection = LocalConnection(Host(name="localhost", address="127.0.0.1", connection=Connection.LOCAL))
    try:
        return probe(connection)
    except HostError:
        return None
    finally:
        connection.close()


def _write_new(path: Path, text: str, mode: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as err:
        raise StateError(f"cannot write {path}: {err.strerror}") from err
