"""`adopt`: takes over what another controller left on the hosts."""

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from ozwald.cli.confirm import agreed
from ozwald.cli.output import emit, limit_option, output_option, print_table, warn_unreachable
from ozwald.cli.who import author
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import RequestError
from ozwald.execution.adopt import adopt as make_ours
from ozwald.execution.observe import observe_containers
from ozwald.model.units import show_age
from ozwald.planning.adoption import Candidate, candidates, judged
from ozwald.planning.names import parse_key, split_specs
from ozwald.planning.nearest import unknown
from ozwald.planning.situation import Situation
from ozwald.state.wanted import read_wanted, wanted_path

HEADINGS = ("HOST", "INSTANCE", "SERVICE", "VARIETY", "PROFILE", "CONTROLLER", "AGE", "ADOPT")


@click.command()
@click.argument("instances", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Adopt whatever other controllers left.")
@click.option("--from", "controller", metavar="CONTROLLER", help="Only what this controller left (its id).")
@limit_option
@click.option("--yes", is_flag=True, help="Adopt without asking.")
@output_option
@with_workspace
def adopt(
    workspace: Workspace,
    instances: Sequence[str],
    everything: bool,
    controller: str | None,
    limit: str | None,
    yes: bool,
    output: str,
) -> int:
    """Take over INSTANCES that another controller left, for instance one whose data folder is lost.

    They are wanted where they are from then on and run without interruption; other containers that Ozwald did not
    make can never be adopted. See that the other controller does not change them any more.
    """
    if bool(instances) == everything:
        raise RequestError("say what to adopt: names of instances, or --all")
    names = split_specs(instances)
    stored = read_wanted(wanted_path(workspace.home, workspace.provisioner.name))
    situation = _looked(workspace, limit).as_of(stored)
    found = _left_by(candidates(stored, situation), controller)
    found = judged(found, stored, workspace.settings.realms, situation)
    shown = _named(workspace, names, found, situation) if names else found
    ready = [one for one in shown if not one.refusal]
    if output == "table":
        rows = [_row(one) for one in shown]
        print_table(HEADINGS, rows, empty="there is nothing to adopt")
    accepted = bool(ready) and (yes or _agreed(ready))
    if accepted:
        make_ours(
            ready,
            realms=workspace.settings.realms,
            situation=situation,
            home=workspace.home,
            provisioner=workspace.provisioner.name,
            author=author(),
        )
    documents = [_document(one, adopted=accepted and not one.refusal) for one in shown]
    emit(documents, output, table=lambda: _tell(ready if accepted else []))
    warn_unreachable(situation.unreachable)
    return 1 if situation.unreachable or not all(document["adopted"] for document in documents) else 0


def _looked(workspace: Workspace, limit: str | None) -> Situation:
    hosts, inventory = workspace.hosts(limit), workspace.settings.inventory
    with workspace.fleet(begin=hosts) as fleet:
        return observe_containers(fleet, inventory, hosts, controller=workspace.home.controller_id())


def _left_by(found: list[Candidate], controller: str | None) -> list[Candidate]:
    if controller is None:
        return found
    known = {one.controller for one in found}
    if controller not in known:
        raise RequestError(unknown("controller", controller, known, where=" has left anything here"))
    return [one for one in found if one.controller == controller]


def _named(
    workspace: Workspace, names: Sequence[str], found: Sequence[Candidate], situation: Situation
) -> list[Candidate]:
    """Those of the names, each of which has to be there and can be adopted, or is ours already."""
    chosen = []
    for name in names:
        key = parse_key(name, workspace.settings.realms)
        here = [one for one in found if one.key == key]
        if not here and not situation.homes(key):
            raise RequestError(unknown("instance of another controller", str(key), {str(one.key) for one in found}))
        if refused := [one for one in here if one.refusal]:
            raise RequestError(f"{key} on {refused[0].host} cannot be adopted: {refused[0].refusal}")
        chosen += here
    return list(dict.fromkeys(chosen))


def _agreed(ready: Sequence[Candidate]) -> bool:
    question = f"adopt {len(ready)} instance{'s' if len(ready) > 1 else ''}?"
    return agreed(question, nothing="nothing was adopted", first="see whether these are the right ones")


def _tell(adopted: Sequence[Candidate]) -> None:
    for one in adopted:
        click.echo(f"adopted {one.key} on {one.host}; see what apply would change about it: ozwald plan")


def _row(one: Candidate) -> tuple[str, ...]:
    request = one.request
    age = show_age(max(0.0, time.time() - one.since))
    words = (request.service, request.variety or "-", request.profile or "-")
    return (one.host, str(one.key), *words, one.controller, age, f"no: {one.refusal}" if one.refusal else "yes")


def _document(one: Candidate, *, adopted: bool) -> dict[str, Any]:
    request = one.request
    return {
        "host": one.host,
        "realm": request.realm,
        "name": request.name,
        "service": request.service,
        "variety": request.variety,
        "profile": request.profile,
        "controller": one.controller,
        "since": datetime.fromtimestamp(one.since, UTC).isoformat(),
        "container_ids": list(one.container_ids),
        "adopted": adopted,
        "reason": one.refusal or None,
    }
