"""`inventory`: the hosts and groups as they are understood."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

from ozwald.cli.harmless import harmless_line, hide_secret
from ozwald.cli.output import emit, output_option, print_table
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import RequestError
from ozwald.model.host import Host, Inventory
from ozwald.planning.nearest import unknown
from ozwald.planning.patterns import select


@click.command()
@click.argument("pattern", default="all")
@click.option("--graph", is_flag=True, help="Show the groups as a tree.")
@click.option("--host", metavar="NAME", help="Show one host, with the place each variable comes from.")
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
    variables = workspace.loaded.variables.get(name, {})
    origins = {key: str(variable.origin) for key, variable in variables.items()}
    document = _document(known[name]) | {"origins": origins}
    rows = [(key, _text(value), "") for key, value in document.items() if key not in ("vars", "origins") and value]
    rows += [(f"vars.{key}", _text(value), origins.get(key, "")) for key, value in document["vars"].items()]
    emit(document, output, table=lambda: print_table(("KEY", "VALUE", "WRITTEN AT"), rows, empty="nothing"))


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


def _without_secrets(value: Mapping[str, object]) -> dict[str, object]:
    return {key: hide_secret(key, item) if isinstance(item, str) else item for key, item in value.items()}


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
    def branch(group: str, depth: int, above: Sequence[str]) -> None:
        click.echo(harmless_line(f"{'  |' * depth}--@{group}:" if depth else f"@{group}:"))
        children = [child for child in _children(known, group) if child not in above]
        for child in children:
            branch(child, depth + 1, (*above, child))
        below = {host for child in children for host in known.groups.get(child, ())}
        for host in known.groups.get(group, ()):
            if host in shown and host not in below:
                click.echo(harmless_line(f"{'  |' * (depth + 1)}--{host}"))

    branch("all", 0, ("all",))


def _children(known: Inventory, group: str) -> list[str]:
    """A group's child groups; those that are in no other are children of `all`."""
    if group != "all":
        return list(known.children.get(group, ()))
    nested = {child for name, children in known.children.items() if name != "all" for child in children}
    return [name for name in known.groups if name != "all" and name not in nested]
