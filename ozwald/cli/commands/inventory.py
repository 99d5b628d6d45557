"""`inventory`: the hosts and groups as they are understood."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from ozwald.cli.harmless import harmless_line, hide_secret
from ozwald.cli.output import emit, output_option, print_table
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import RequestError
from ozwald.model.host import Host, Inventory
from ozwald.model.units import show_bytes
from ozwald.planning.nearest import unknown
from ozwald.planning.patterns import select


@click.command()
@click.argument("pattern", default="all")
@click.option("--graph", is_flag=True, help="Show the groups as a tree.")
@click.option("--host", metavar="NAME", help="Show one host, with the place where each part is written.")
@output_option
@with_workspace
def inventory(workspace: Workspace, pattern: str, graph: bool, host: str | None, output: str) -> None:
    """Show the hosts that PATTERN names (default: all), as your files and Ansible's describe them."""
    known = workspace.settings.inventory
    if host is not None:
        _show_host(workspace, host, output)
        return
    hosts = select(known, pattern) if known.hosts else ()
    if graph:
        _print_graph(known, {host.name for host in hosts})
        return
    headings = ("HOST", "ADDRESS", "USER", "PORT", "CONNECTION", "JUMP", "GROUPS")
    document = [_document(host) for host in hosts]
    emit(document, output, table=lambda: print_table(headings, [_row(host) for host in hosts], empty="no hosts"))


def _show_host(workspace: Workspace, name: str, output: str) -> None:
    known = workspace.settings.inventory.hosts
    if name not in known:
        raise RequestError(unknown("host", name, known))
    origins = {path: str(origin) for path, origin in workspace.loaded.origins.get(name, {}).items()}
    document = _document(known[name]) | {"origins": origins}
    rows = [(key, _text(value), origins.get(path, "default")) for key, value, path in _words(known[name])]
    emit(document, output, table=lambda: print_table(("KEY", "VALUE", "WRITTEN AT"), rows, empty="nothing"))


def _words(host: Host) -> Iterator[tuple[str, object, str]]:
    """What a host has, part by part: a key, its value and the path of its origin."""
    for key, value in _document(host).items():
        if key == "groups":
            yield from (("group", group, f"groups.{group}") for group in host.groups)
        elif key == "reserve":
            kept = {part: show_bytes(size) for part, size in value.items() if size}
            yield from (
                (f"reserve.{part.removesuffix('_bytes')}", size, f"reserve.{part}") for part, size in kept.items()
            )
        elif isinstance(value, dict):
            yield from ((f"{key}.{part}", found, f"{key}.{part}") for part, found in value.items())
        elif value is not None:
            yield key, value, key


def _document(host: Host) -> dict[str, Any]:
    return {
        "name": host.name,
        "address": host.address,
        "port": host.port,
        "user": host.user,
        "identity_file": host.identity_file,
        "jump": host.jump,
        "connection": host.connection.value,
        "become": host.become,
        "docker_socket": host.docker_socket,
        "labels": dict(host.labels),
        "groups": list(host.groups),
        "reserve": {"memory_bytes": host.reserve.memory_bytes, "vram_bytes": host.reserve.vram_bytes},
        "vars": _without_secrets(host.vars),
    }


def _without_secrets(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _without_secrets(part, key) for key, part in value.items()}
    if isinstance(value, list):
        return [_without_secrets(part, name) for part in value]
    return hide_secret(name, value) if isinstance(value, str) else value


def _row(host: Host) -> tuple[str, ...]:
    return (
        host.name,
        host.address,
        host.user or "-",
        str(host.port or "-"),
        host.connection.value,
        host.jump or "-",
        ", ".join(host.groups) or "-",
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _print_graph(known: Inventory, shown: set[str]) -> None:
    def branch(group: str, depth: int) -> None:
        click.echo(harmless_line(f"{'  |' * depth}--@{group}:" if depth else f"@{group}:"))
        children = known.children.get(group, ())
        for child in children:
            branch(child, depth + 1)
        below = {host for child in children for host in known.groups.get(child, ())}
        for host in known.groups.get(group, ()):
            if host in shown and host not in below:
                click.echo(harmless_line(f"{'  |' * (depth + 1)}--{host}"))

    branch("all", 0)
