"""`get_service_launch_logs`."""

from collections.abc import Sequence

import click

from ozwald.cli.kept_logs import MOST_LINES, provisioner
from ozwald.cli.output import head_option, print_text, tail_option, warn
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.client import ApiError, NoAnswer
from ozwald.errors import RequestError
from ozwald.model.plan import InstanceKey
from ozwald.planning.names import parse_key, split_specs
from ozwald.state.launch_logs import LaunchLogs


@click.command()
@click.argument("instances", nargs=-1, required=True)
@head_option
@tail_option
@with_workspace
def get_service_launch_logs(workspace: Workspace, instances: Sequence[str], top: int | None, last: int | None) -> int:
    """Show how instances were started: pull, create, health, and what they wrote last when that failed."""
    if top and last:
        raise RequestError("give --top or --last, not both")
    keys = list(dict.fromkeys(parse_key(spec, workspace.settings.realms) for spec in split_specs(instances)))
    kept = {key: LaunchLogs(workspace.home).read(key) or _ask(workspace, key) for key in keys}
    missing = [str(key) for key, text in kept.items() if text is None]
    if missing:
        raise RequestError(f"no launch of {', '.join(missing)} is on record in {workspace.home.path}")
    for key, text in kept.items():
        _print(key, text or "", has_heading=len(kept) > 1, top=top, last=last)
    return 0


def _ask(workspace: Workspace, key: InstanceKey) -> str | None:
    """What a provisioner with another data folder has, as far as it tells."""
    with provisioner(workspace) as client:
        if client is None:
            return None
        try:
            lines = client.launch_logs(f"{key.realm}:{key.name}", last=MOST_LINES)["lines"]
        except (ApiError, NoAnswer):
            return None
        warn(f"{key}: this launch log was kept by the provisioner at {client.url}")
    return "".join(f"{line}\n" for line in lines)


def _print(key: InstanceKey, text: str, *, has_heading: bool, top: int | None, last: int | None) -> None:
    lines = text.splitlines(keepends=True)
    lines = lines[:top] if top else lines
    lines = lines[-last:] if last else lines
    print_text("".join([f"==> {key} <==\n", *lines] if has_heading else lines).encode())
