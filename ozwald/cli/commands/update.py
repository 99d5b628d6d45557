"""`update_services`."""

from collections.abc import Mapping
from typing import Any

import click

from ozwald.cli.asking import Request, ask_of, request_options
from ozwald.cli.commands.apply import exit_code, intended, plan_document
from ozwald.cli.controllers import Controller, controller_of
from ozwald.cli.output import emit, output_option, warn_unreachable
from ozwald.cli.plan_text import print_plan
from ozwald.cli.submission import prepared
from ozwald.cli.submit import WAIT_S, print_planned, submission_document, submit
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import RequestError
from ozwald.execution.steps import Result
from ozwald.model.host import Host
from ozwald.planning.asking import Ask, Exactly


@click.command()
@request_options
@click.option("--clear", is_flag=True, help="Ask for nothing at all: every service is stopped.")
@click.option("--dry-run", is_flag=True, help="Show what would be wanted and done, and change nothing.")
@click.option("--wait", is_flag=True, help="Return when all of them are available, or it is clear that some are not.")
@click.option(
    "--timeout", type=click.FloatRange(min=0), default=WAIT_S, show_default=True, metavar="SECONDS", help="For --wait."
)
@output_option
@with_workspace
def update_services(
    workspace: Workspace, clear: bool, dry_run: bool, wait: bool, timeout: float, output: str, **request: Any
) -> int:
    """Ask the provisioner for exactly these instances; it starts, replaces and stops what that takes.

    INSTANCES are as for apply. The request is durable when the command returns.
    """
    if clear and any(request.values()):
        raise RequestError("--clear asks for nothing at all; give no instances and no other request with it")
    with controller_of(workspace) as controller:
        ask = Exactly(requests=()) if clear else ask_of(Request(**request), workspace)
        hosts = workspace.hosts()
        if dry_run:
            return _plan(workspace, controller, ask, hosts, output)
        return submit(workspace, controller, ask, hosts=hosts, timeout_s=timeout if wait else None, output=output)


def _plan(workspace: Workspace, controller: Controller, ask: Ask, hosts: Mapping[str, Host], output: str) -> int:
    """What is done on the hosts can be told where the controller's data folder is this one."""
    planned = prepared(controller, ask, known=workspace.settings.inventory.hosts, hosts=hosts)
    if output == "table":
        print_planned(planned)
    if controller.running is None:
        emit(submission_document(planned), output, table=lambda: None)
        return 0
    with workspace.fleet(begin=hosts) as fleet:
        plan = intended(workspace, ask, hosts, fleet).plan
    results = [Result(operation=operation) for operation in plan.operations]
    document = {**submission_document(planned), **plan_document(plan, results, carried_out=False)}
    emit(document, output, table=lambda: print_plan(plan))
    warn_unreachable(plan.unreachable)
    return exit_code(plan, [])
