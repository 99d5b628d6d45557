"""`get_footprint_logs`."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from ozwald.cli.kept_logs import MOST_LINES, provisioner
from ozwald.cli.output import head_option, print_text, tail_option, warn
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.client import ApiError, NoAnswer
from ozwald.errors import RequestError
from ozwald.model.footprint import Combination
from ozwald.planning.names import parse_definition, split_specs
from ozwald.state.footprint_logs import FootprintLog, FootprintLogs, LogType


@click.command()
@click.argument("definitions", nargs=-1, required=True)
@click.option(
    "--log-type",
    type=click.Choice([kind.value for kind in LogType]),
    default=LogType.RUNNER.value,
    show_default=True,
    help="What was done to measure it, or what its container wrote.",
)
@head_option
@tail_option
@with_workspace
def get_footprint_logs(
    workspace: Workspace, definitions: Sequence[str], log_type: str, top: int | None, last: int | None
) -> int:
    """Show how services were measured, and what they wrote.

    DEFINITIONS are [REALM:]service[profile][variety]; without a variety or profile, the one that was measured last.
    """
    if top and last:
        raise RequestError("give --top or --last, not both")
    asked = [_combination(workspace, spec) for spec in split_specs(definitions)]
    kind = LogType(log_type)
    kept = {one: FootprintLogs(workspace.home).newest(kind, one) or _ask(workspace, kind, one) for one in asked}
    missing = [str(one) for one, log in kept.items() if log is None]
    if missing:
        raise RequestError(
            f"no run that measured {', '.join(missing)} is on record in {workspace.home.path}; "
            "see: ozwald footprint_services --list"
        )
    for log in kept.values():
        if log is not None:
            _print(log, has_heading=len(kept) > 1, top=top, last=last)
    return 0


def _combination(workspace: Workspace, spec: str) -> Combination:
    definition, variety, profile = parse_definition(spec, workspace.settings.realms)
    return Combination(realm=definition.realm, service=definition.name, variety=variety, profile=profile)


def _ask(workspace: Workspace, kind: LogType, asked: Combination) -> FootprintLog | None:
    """What a provisioner with another data folder has, as far as it tells."""
    said = {"realm": asked.realm, "variety": asked.variety, "profile": asked.profile}
    choice: Mapping[str, Any] = {name: word for name, word in said.items() if word is not None}
    with provisioner(workspace) as client:
        if client is None:
            return None
        try:
            read = client.footprint_runner_log if kind is LogType.RUNNER else client.footprint_container_log
            found = read(asked.service, last=MOST_LINES, **choice)
        except (ApiError, NoAnswer):
            return None
        warn(f"{asked}: this log was kept by the provisioner at {client.url}")
    combination = Combination(
        realm=asked.realm, service=asked.service, variety=found["variety"], profile=found["profile"]
    )
    return FootprintLog(combination=combination, text="".join(f"{line}\n" for line in found["lines"]))


def _print(log: FootprintLog, *, has_heading: bool, top: int | None, last: int | None) -> None:
    lines = log.text.splitlines(keepends=True)
    lines = lines[:top] if top else lines
    lines = lines[-last:] if last else lines
    print_text("".join([f"==> {log.combination} <==\n", *lines] if has_heading else lines).encode())
