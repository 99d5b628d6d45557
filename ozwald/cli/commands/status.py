"""`status`: whether the provisioner and what it manages are well."""

from collections.abc import Mapping
from typing import Any

import click

from ozwald.cli.controllers import Controller, NoController, controller_of, known_name
from ozwald.cli.harmless import harmless_line
from ozwald.cli.output import emit, output_option
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.model.units import show_age


@click.command()
@output_option
@with_workspace
def status(workspace: Workspace, output: str) -> int:
    """Show whether the provisioner and what it manages are well; exit 0 only when all is."""
    name = known_name(workspace)
    try:
        with controller_of(workspace) as controller:
            document = {"provisioner": name, **_described(controller), **controller.client.status()}
    except NoController as error:
        told = str(error)
        emit({"provisioner": name, "status": "unreachable", "detail": told}, output, table=lambda: click.echo(told))
        return error.exit_code
    document["problems"] = problems(document)
    emit(document, output, table=lambda: _print(document))
    return 1 if document["problems"] else 0


def problems(document: Mapping[str, Any]) -> list[str]:
    """What is not well, in words."""
    found = [f"loop: {document['loop']['problem']}"] if document["loop"]["problem"] else []
    found += [f"Redis: {document['redis']['problem']}"] if document["redis"]["problem"] else []
    if document["reload_problem"]:
        found.append(f"the last reload was refused: {document['reload_problem']}")
    found += [f"host {one['host']}: {one['detail']}" for one in document["hosts"] if not one["reachable"]]
    found += [f"{count} {kind}" for kind, count in sorted(document["services"].items()) if kind != "available"]
    if not document["active"] and document["generation"]["seen"] < document["generation"]["wanted"]:
        found.append(f"generation {document['generation']['wanted']} waits for the loop")
    return found


def _described(controller: Controller) -> dict[str, Any]:
    running = controller.running
    return {
        "url": controller.client.url,
        "where": controller.where,
        "pid": running.pid if running else None,
        "log": running.log if running else None,
        "reload_problem": running.reload_problem if running else "",
    }


def _print(document: Mapping[str, Any]) -> None:
    loop, generation = document["loop"], document["generation"]
    state = f"stands by; the active one is {document['active']}" if document["active"] else f"is {document['status']}"
    rows = [
        ("API", document["where"]),
        ("log", document["log"] or "-"),
        ("loop", loop["problem"] or _pass_age(loop["pass_age_s"])),
        ("Redis", document["redis"]["problem"] or "answers"),
        ("wanted", f"generation {generation['wanted']}, the loop has seen {generation['seen']}"),
        *((f"host {one['host']}", _host(one)) for one in document["hosts"]),
        ("services", ", ".join(f"{n} {kind}" for kind, n in sorted(document["services"].items())) or "none"),
    ]
    if any(document["footprints"].values()):
        rows.append(("footprints", ", ".join(f"{n} {kind}" for kind, n in document["footprints"].items() if n)))
    if document["reload_problem"]:
        rows.append(("reload", f"refused, the former settings stay: {document['reload_problem']}"))
    click.echo(f"provisioner {document['provisioner']} {state}")
    width = max(len(name) for name, _ in rows)
    for name, told in rows:
        click.echo(harmless_line(f"  {name:<{width}}  {told}"))


def _pass_age(age_s: float | None) -> str:
    return "stands by" if age_s is None else f"last pass {show_age(age_s)} ago"


def _host(one: Mapping[str, Any]) -> str:
    age_s = one["facts_age_s"]
    facts = "nothing known of it yet" if age_s is None else f"facts {show_age(age_s)} old"
    return f"reachable, {facts}" if one["reachable"] else f"unreachable, {facts}: {one['detail']}"
