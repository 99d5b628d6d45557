"""`plan` and `apply`."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from ozwald.cli.asking import Request, ask_of, request_options
from ozwald.cli.carrying import carried_out
from ozwald.cli.controllers import live_controller
from ozwald.cli.output import emit, limit_option, output_option, wait_option, warn, warn_unreachable
from ozwald.cli.plan_text import print_plan, print_results, result_document
from ozwald.cli.submit import WAIT_S, submit
from ozwald.cli.who import author
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import RequestError
from ozwald.execution.steps import Result
from ozwald.model.host import Host
from ozwald.model.plan import Plan
from ozwald.model.service import Pull
from ozwald.planning.asking import Ask

if TYPE_CHECKING:
    from ozwald.execution.intent import Intent
    from ozwald.remote.fleet import Fleet


def scrutiny_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """How closely to compare."""
    command = click.option(
        "--pull",
        type=click.Choice([policy.value for policy in Pull]),
        help="When to fetch images; with always also what runs an older image of its tag is replaced "
        "[default: pull_policy of each service, else missing].",
    )(command)
    return click.option(
        "--closely", is_flag=True, help="Compare every setting of every container, not only its labels."
    )(command)


@click.command()
@request_options
@scrutiny_options
@limit_option
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 10 when there is something to change.")
@output_option
@with_workspace
def plan(
    workspace: Workspace,
    pull: str | None,
    closely: bool,
    limit: str | None,
    detailed_exitcode: bool,
    output: str,
    **request: Any,
) -> int:
    """Show what apply would do, changing nothing.

    INSTANCES are [REALM:]NAME[service][variety][profile]@HOSTS; a bare NAME is an instance of service NAME, and
    what is left out is decided by the hardware that is found. Without any, the stored wanted set is planned.
    """
    hosts = workspace.hosts(limit)
    ask = ask_of(Request(**request), workspace)
    with workspace.fleet(begin=hosts) as fleet:
        intent = intended(workspace, ask, hosts, fleet, pull=pull, closely=closely)
    results = [Result(operation=operation) for operation in intent.plan.operations]
    emit(plan_document(intent.plan, results, carried_out=False), output, table=lambda: print_plan(intent.plan))
    warn_unreachable(intent.plan.unreachable)
    if detailed_exitcode and intent.plan.changes:
        return 10
    return exit_code(intent.plan, [])


@click.command()
@request_options
@scrutiny_options
@limit_option
@wait_option
@output_option
@with_workspace
def apply(
    workspace: Workspace,
    pull: str | None,
    closely: bool,
    limit: str | None,
    wait: float,
    output: str,
    **request: Any,
) -> int:
    """Make exactly these instances run, on all hosts at once; what is ours and not among them is stopped.

    With --add or --remove the others stay as they are. INSTANCES are as for plan. What was asked for is written down
    before any host is changed, so an apply that was cut short is finished by the next one. Where a controller is
    alive, it is asked to do that.
    """
    hosts = workspace.hosts(limit)
    ask = ask_of(Request(**request), workspace)
    with live_controller(workspace) as controller:
        if controller is not None:
            _check_left_to_controller(pull, closely=closely)
            return submit(workspace, controller, ask, hosts=hosts, timeout_s=WAIT_S, output=output)
    with workspace.home.changing(hosts, wait_s=wait, on_wait=warn), workspace.fleet(begin=hosts) as fleet:
        from ozwald.execution.intent import forget_restarts, make_durable

        provisioner = workspace.provisioner.name
        intent = make_durable(
            intended(workspace, ask, hosts, fleet, pull=pull, closely=closely),
            settings=workspace.settings,
            fleet=fleet,
            home=workspace.home,
            provisioner=provisioner,
            author=author(),
        )
        if output == "table":
            print_plan(intent.plan)
        results = carried_out(workspace, intent.plan, hosts, fleet, generation=intent.wanted.generation)
        if intent.wanted.restarts:
            forget_restarts(results, home=workspace.home, provisioner=provisioner)
    emit(plan_document(intent.plan, results, carried_out=True), output, table=lambda: print_results(results))
    warn_unreachable(intent.plan.unreachable)
    return exit_code(intent.plan, results)


def _check_left_to_controller(pull: str | None, *, closely: bool) -> None:
    if pull is not None or closely:
        raise RequestError(
            "a controller keeps these hosts, which fetches images and compares as the settings say: leave out --pull "
            "and --closely (pull_policy of a service says when to fetch), or stop it first: ozwald stop_provisioner"
        )


def intended(
    workspace: Workspace,
    ask: Ask,
    hosts: Mapping[str, Host],
    fleet: "Fleet",
    *,
    pull: str | None = None,
    closely: bool = False,
) -> "Intent":
    """What a request means for these hosts, changing nothing."""
    from ozwald.execution.closer import Scrutiny
    from ozwald.execution.intent import intend

    return intend(
        ask,
        settings=workspace.settings,
        hosts=hosts,
        fleet=fleet,
        home=workspace.home,
        provisioner=workspace.provisioner.name,
        scrutiny=Scrutiny(pull=Pull(pull) if pull else None, closely=closely),
    )


def plan_document(plan: Plan, results: Sequence[Result], *, carried_out: bool) -> dict[str, Any]:
    """A plan, and once it was carried out what came of it, for `--output json`."""
    return {
        "operations": [result_document(result, carried_out=carried_out) for result in results],
        "unreachable": dict(plan.unreachable),
    }


def exit_code(plan: Plan, results: Sequence[Result]) -> int:
    """4 when nothing but a lack of hardware stood in the way, 1 for any other failure."""
    failed = [result.operation for result in results if not result.is_done] or list(plan.blocked)
    if failed and all(operation.fits_nowhere for operation in failed) and not plan.unreachable:
        return 4
    return 1 if failed or plan.unreachable else 0
