"""`prune` and `residue`: what Ozwald has on hosts besides what is wanted."""

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ozwald.cli.confirm import agreed
from ozwald.cli.controllers import check_not_kept
from ozwald.cli.harmless import harmless_line
from ozwald.cli.output import emit, limit_option, output_option, print_table, wait_option, warn, warn_unreachable
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.model.belongings import Belonging
from ozwald.model.host import Host
from ozwald.model.units import show_age, show_bytes

if TYPE_CHECKING:
    from ozwald.execution.sweep import Removal
    from ozwald.remote.connection import HostConnection
    from ozwald.remote.fleet import Fleet, HostResults

Found = Mapping[str, Sequence[Belonging]]
Swept = Mapping[str, "Sequence[Removal]"]


@click.command()
@limit_option
@click.option("--volumes", is_flag=True, help="Also volumes that services may have written to: their data is lost.")
@click.option("--yes", is_flag=True, help="Remove without asking.")
@wait_option
@output_option
@with_workspace
def prune(workspace: Workspace, limit: str | None, volumes: bool, yes: bool, wait: float, output: str) -> int:
    """Remove what this controller made on the hosts and nobody uses: data that was sent, networks, leftovers.

    Shows it first and asks; other forms than the table show it only, unless --yes is given. What a container
    mentions, a stopped one too, stays, and so does all that others made.
    """
    check_not_kept(workspace, "prune")
    hosts = workspace.hosts(limit)
    with workspace.fleet(begin=hosts) as fleet:
        planned = _plan(workspace, fleet, hosts, volumes=volumes)
        planned.raise_if_nothing_reached()
        if output == "table":
            _print_plan(planned.values)
        swept: Swept = {}
        is_wanted = any(planned.values.values()) and (yes or (output == "table" and _agreed()))
        if is_wanted:
            # Only now, so that nobody waits for an answer; each thing is looked at again before it goes.
            with workspace.home.changing(_with_any(planned.values), wait_s=wait, on_wait=warn):
                swept = _sweep(workspace, fleet, hosts, planned.values, volumes=volumes)
    document = _swept_document(swept) if is_wanted else _documents(planned.values)
    failures = {host: error.message for host, error in planned.failures.items()}
    emit({"removals": document, "unreachable": failures}, output, table=lambda: _print_swept(swept))
    warn_unreachable(failures)
    return 1 if failures or any(one.error for results in swept.values() for one in results) else 0


@click.command()
@click.argument("patterns", metavar="HOST...", nargs=-1, required=True)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 10 when there is something.")
@output_option
@with_workspace
def residue(workspace: Workspace, patterns: Sequence[str], detailed_exitcode: bool, output: str) -> int:
    """List everything of Ozwald on hosts, whichever controller made it, changing nothing.

    Containers, networks and volumes by label or name, commands that Ozwald started and that still run, and scripts
    that a run left. Images are not among them: nobody can tell who else uses them.
    """
    from ozwald.execution.sweep import everything
    from ozwald.planning.patterns import select

    hosts = {host.name: host for pattern in patterns for host in select(workspace.settings.inventory, pattern)}
    with workspace.fleet(begin=hosts) as fleet:
        seen = fleet.map(hosts.values(), everything)
    seen.raise_if_nothing_reached()
    own = workspace.home.controller_id()
    failures = {host: error.message for host, error in seen.failures.items()}
    document = {"belongings": _documents(seen.values), "controller": own, "unreachable": failures}
    emit(document, output, table=lambda: _print_residue(seen.values, own))
    warn_unreachable(failures)
    if failures:
        return 1
    return 10 if detailed_exitcode and any(seen.values.values()) else 0


def _plan(
    workspace: Workspace, fleet: "Fleet", hosts: Mapping[str, Host], *, volumes: bool
) -> "HostResults[tuple[Belonging, ...]]":
    from ozwald.execution.sweep import survey
    from ozwald.planning.belongings import prunable

    controller = workspace.home.controller_id()

    def look(connection: "HostConnection") -> tuple[Belonging, ...]:
        seen = survey(connection.engine(), measured=volumes)
        return prunable(seen, controller=controller, now=time.time(), with_written=volumes)

    return fleet.map(hosts.values(), look)


def _sweep(workspace: Workspace, fleet: "Fleet", hosts: Mapping[str, Host], planned: Found, *, volumes: bool) -> Swept:
    from ozwald.execution.sweep import Removal, sweep

    controller = workspace.home.controller_id()

    def remove(connection: "HostConnection") -> "Sequence[Removal]":
        found = tuple(planned[connection.host.name])
        return sweep(connection.engine(), found, controller=controller, with_written=volumes)

    done = fleet.map([hosts[name] for name in _with_any(planned)], remove)
    lost = {
        host: [Removal(belonging=one, error=error.message) for one in planned[host]]
        for host, error in done.failures.items()
    }
    return {**done.values, **lost}


def _with_any(found: Found) -> list[str]:
    return [host for host, ones in found.items() if ones]


def _agreed() -> bool:
    return agreed("remove all of it?", nothing="nothing was removed", first="look at what would go")


def _print_plan(found: Found) -> None:
    rows = [_row(host, one, one.owner) for host, ones in sorted(found.items()) for one in ones]
    print_table(
        ("HOST", "KIND", "NAME", "WHAT", "AGE", "SIZE"),
        [(*row[:4], *row[5:]) for row in rows],
        empty="nothing to remove",
    )
    if rows:
        click.echo(_sum(found))


def _sum(found: Found) -> str:
    everything = [one for ones in found.values() for one in ones]
    size = sum(one.size_bytes or 0 for one in everything)
    hosts = sum(map(bool, found.values()))
    return f"{len(everything)} to remove on {hosts} host{'s' if hosts > 1 else ''}, {show_bytes(size)}"


def _print_swept(swept: Swept) -> None:
    if not swept:
        return
    results = [(host, one) for host, ones in sorted(swept.items()) for one in ones]
    failed = [(host, one) for host, one in results if one.error]
    for host, one in failed:
        click.echo(harmless_line(f"failed: {one.belonging.kind} {one.belonging.name} on {host}: {one.error}"))
    told = f", {len(failed)} failed" if failed else ""
    click.echo(f"done: {len(results) - len(failed)} removed{told}")


def _print_residue(found: Found, own: str) -> None:
    rows = [_row(host, one, _owner(one, own)) for host, ones in sorted(found.items()) for one in ones]
    print_table(("HOST", "KIND", "NAME", "WHAT", "OWNER", "AGE", "SIZE"), rows, empty="nothing")


def _owner(belonging: Belonging, own: str) -> str | None:
    return "this controller" if belonging.owner == own else belonging.owner


def _row(host: str, one: Belonging, owner: str | None) -> tuple[str, ...]:
    age = "" if one.created_at is None else show_age(max(0.0, time.time() - one.created_at))
    size = "" if one.size_bytes is None else show_bytes(one.size_bytes)
    return (host, one.kind.value, one.name, one.what, owner or "unknown", age, size)


def _documents(found: Found) -> list[dict[str, Any]]:
    return [_document(host, one) for host, ones in sorted(found.items()) for one in ones]


def _swept_document(swept: Swept) -> list[dict[str, Any]]:
    return [
        _document(host, one.belonging) | {"outcome": "failed" if one.error else "removed", "error": one.error or None}
        for host, ones in sorted(swept.items())
        for one in ones
    ]


def _document(host: str, one: Belonging) -> dict[str, Any]:
    return {
        "host": host,
        "kind": one.kind.value,
        "name": one.name,
        "id": one.id,
        "what": one.what,
        "owner": one.owner,
        "created_at": one.created_at,
        "size_bytes": one.size_bytes,
    }
