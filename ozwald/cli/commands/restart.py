"""`restart`: stops and starts instances, as they are."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import click

from ozwald.cli.carrying import carried_out
from ozwald.cli.commands.apply import exit_code, plan_document
from ozwald.cli.controllers import Controller, live_controller
from ozwald.cli.output import emit, limit_option, output_option, wait_option, warn, warn_unreachable
from ozwald.cli.plan_text import print_plan, print_results
from ozwald.cli.submit import WAIT_S, exit_code_of, print_outcome
from ozwald.cli.waiting import Service, are_as_wanted, is_as_wanted, key_of, wait_until
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import RequestError
from ozwald.execution.observe import observe_containers
from ozwald.execution.steps import Result
from ozwald.model.host import Host
from ozwald.model.plan import InstanceKey, Plan
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

    Each comes after those it depends on; what depends on one of them with `restart: true` follows it. Where a
    controller is alive, it is asked to do that.
    """
    with live_controller(workspace) as controller:
        if controller is not None:
            return _left_to_controller(workspace, controller, split_specs(instances), limit, output)
    plan, results = _restarted(workspace, split_specs(instances), limit, wait, shows_plan=output == "table")
    emit(plan_document(plan, results, carried_out=True), output, table=lambda: print_results(results))
    warn_unreachable(plan.unreachable)
    return exit_code(replace(plan, unreachable={}), results)


def _left_to_controller(
    workspace: Workspace, controller: Controller, names: Sequence[str], limit: str | None, output: str
) -> int:
    """What is available now has to be so again: what follows the restarted ones is among it."""
    keys = [parse_key(name, workspace.settings.realms) for name in names]
    before = controller.client.active()
    if limit is not None:
        _check_within(keys, before, workspace.hosts(limit))
    watched = {*keys, *(key_of(one) for one in before if is_as_wanted(one))}
    generation = controller.client.restart([f"{key.realm}:{key.name}" for key in keys])
    if output == "table":
        click.echo(f"accepted as generation {generation}: restart of {', '.join(map(str, keys))}")
    found = wait_until(
        controller.client, generation, lambda services: are_as_wanted(services, watched), timeout_s=WAIT_S
    )
    services, are_all = [one for one in found if key_of(one) in watched], are_as_wanted(found, watched)
    document = {"generation": generation, "all_available": are_all, "services": services}
    emit(document, output, table=lambda: print_outcome(services, are_all=are_all, count=len(keys)))
    return exit_code_of(services, are_all=are_all)


def _check_within(keys: Sequence[InstanceKey], services: Sequence[Service], hosts: Mapping[str, Host]) -> None:
    for one in services:
        if key_of(one) in keys and one["host"] not in hosts:
            raise RequestError(f"{key_of(one)} is on {one['host']}, which --limit leaves out; name it there, too")


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
