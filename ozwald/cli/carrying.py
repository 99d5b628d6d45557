"""Carries a plan out while the user watches and the launch logs keep what happens."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ozwald.cli.progress import Progress
from ozwald.cli.who import author
from ozwald.cli.workspace import Workspace
from ozwald.execution.steps import Result
from ozwald.model.host import Host
from ozwald.model.plan import Plan
from ozwald.state.launch_logs import LaunchLogs

if TYPE_CHECKING:
    from ozwald.remote.fleet import Fleet


def carried_out(
    workspace: Workspace, plan: Plan, hosts: Mapping[str, Host], fleet: "Fleet", *, generation: int
) -> list[Result]:
    """How each operation ended; new containers are labelled as this user's, made for that generation."""
    from ozwald.execution.carry_out import carry_out
    from ozwald.execution.labels import Ownership

    ownership = Ownership(
        provisioner=workspace.provisioner.name,
        controller=workspace.home.controller_id(),
        generation=generation,
        owner=author().owner,
    )
    with Progress(LaunchLogs(workspace.home)) as progress:
        return carry_out(
            plan,
            lambda name: fleet.connection(hosts[name]).engine(),
            ownership=ownership,
            report=progress.report,
        )
