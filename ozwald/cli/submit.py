"""Submits to a controller what is asked for and tells what came of it: `update_services` and `apply`."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from ozwald.cli.change_text import change_document, change_lines
from ozwald.cli.controllers import Controller
from ozwald.cli.output import emit, warn
from ozwald.cli.submission import Submission, submitted
from ozwald.cli.waiting import Service, all_available, is_as_wanted, wait_until
from ozwald.cli.workspace import Workspace
from ozwald.model.host import Host
from ozwald.planning.asking import Ask

WAIT_S = 3600.0


def submit(
    workspace: Workspace,
    controller: Controller,
    ask: Ask,
    *,
    hosts: Mapping[str, Host],
    timeout_s: float | None,
    output: str,
) -> int:
    """Submits a request that speaks of these hosts, waits unless `timeout_s` is None, and prints what came of it."""
    done = submitted(controller, ask, known=workspace.settings.inventory.hosts, hosts=hosts)
    generation = done.generation or 0
    if output == "table":
        _print_accepted(done)
    if timeout_s is None:
        emit(submission_document(done), output, table=lambda: None)
        return 0
    keys = [one.key for one in done.wanted.instances]
    services = wait_until(controller.client, generation, lambda found: all_available(found, keys), timeout_s=timeout_s)
    are_all = all_available(services, keys)
    emit(
        {**submission_document(done), "all_available": are_all, "services": list(services)},
        output,
        table=lambda: print_outcome(services, are_all=are_all, count=len(keys)),
    )
    return exit_code_of(services, are_all=are_all)


def exit_code_of(services: Sequence[Service], *, are_all: bool) -> int:
    """4 when nothing but a lack of hardware stands in the way, 1 for anything else that is not available."""
    lacking = {one["status"] for one in services if not is_as_wanted(one)}
    return 0 if are_all else 4 if lacking == {"waiting"} else 1


def print_planned(planned: Submission) -> None:
    """What a request would change about what is wanted."""
    for line in change_lines(planned.changes):
        click.echo(line)
    click.echo(f"{_counted(planned)} would be wanted")


def submission_document(submission: Submission) -> dict[str, Any]:
    """What a request makes of the wanted set, for `--output json`."""
    return {
        "generation": submission.generation or submission.before,
        "accepted": submission.generation is not None,
        "changes": [change_document(change) for change in submission.changes],
        "wanted": [str(one.key) for one in submission.wanted.instances],
    }


def _print_accepted(done: Submission) -> None:
    for line in change_lines(done.changes):
        click.echo(line)
    if done.generation == done.before:
        click.echo(f"generation {done.generation} wants that already: {_counted(done)}")
    else:
        click.echo(f"accepted as generation {done.generation}: {_counted(done)}")


def _counted(submission: Submission) -> str:
    count = len(submission.wanted.instances)
    persistent = ", ".join(str(one.key) for one in submission.wanted.instances if one.persistent)
    told = f", of which the settings have as persistent: {persistent}" if persistent else ""
    return f"{count} instance{'' if count == 1 else 's'}{told}"


def print_outcome(services: Sequence[Service], *, are_all: bool, count: int) -> None:
    """What came of a request for so many instances, and why for each that is not as wanted."""
    if are_all:
        click.echo("all are available" if count else "nothing runs any more")
        return
    for one in services:
        if not is_as_wanted(one):
            warn(f"{one['realm']}:{one['name']} on {one['host'] or 'no host'}: {one['status']}: {one['reason']}")
    click.echo("not all are available; the provisioner goes on trying: ozwald list_active_services")
