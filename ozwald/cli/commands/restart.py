"""`restart`: stops and starts instances, as they are."""

from collections.abc import Sequence
from dataclasses import replace

import click

from ozwald.cli.carrying import carried_out
from ozwald.cli.commands.apply import exit_code, plan_document
from ozwald.cli.controllers import check_not_kept
from ozwald.cli.output import emit, limit_option, output_option, wait_option, warn, warn_unreachable
from ozwald.cli.plan_text import print_plan, print_results
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.execution.observe import observe_containers
from ozwald.execution.steps import Result
from ozwald.model.plan import Plan
from ozwald.planning.names import parse_key, split_specs
from ozwald.planning.restart import restart_plan
from ozwald.state.wanted import read_wanted, wanted_path


@click.command()
@click.argument("instances", nargs=-1, required=True)
@limit_option
@wait_option
@output_option
@with_workspace
def restart(workspace: Workspace, instances: Sequence[str], limit: str | None, wait: float, output: str) -> int:
    """Stop INSTANCES, giving them their time to end, start the same containers, and wait until they are available.

    Each comes after those it depends on; what depends on one of them with `restart: true` follows it.
    """
    check_not_kept(workspace, "restart")
    plan, results = _restarted(workspace, split_specs(instances), limit, wait, shows_plan=output == "table")
    emit(plan_document(plan, results, carried_out=True), output, table=lambda: print_results(results))
    warn_unreachable(plan.unreachable)
    return exit_code(replace(plan, unreachable={}), results)


def _restarted(
    workspace: Workspace, names: Sequence[str], limit: str | None, wait: float, *, shows_plan: bool
) -> tuple[Plan, list[Result]]:
    settings, home, provisioner = workspace.settings, workspace.home, workspace.provisioner.name
    keys = [parse_key(name, settings.realms) for name in names]
    hosts = workspace.hosts(limit)
    wanted = read_wanted(wanted_path(home, provisioner))

    def look(names: Sequence[str]) -> Plan:
        looked_at = {name: hosts[name] for name in names}
        situation = observe_containers(fleet, settings.inventory, looked_at, controller=home.controller_id())
        return restart_plan(keys, wanted, settings.realms, situation)

    with workspace.fleet(begin=hosts) as fleet:
        first = look(list(hosts))
        involved = sorted({operation.host for operation in first.operations if operation.host})
        with home.changing(involved, wait_s=wait, on_wait=warn):
            # Before the locks were held, another process may have changed what is there.
            plan = replace(look(involved), unreachable=first.unreachable)
            if shows_plan:
                print_plan(plan)
            results = carried_out(workspace, plan, hosts, fleet, generation=wanted.generation if wanted else 0)
    return plan, results
