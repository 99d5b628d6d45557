"""`get_service_logs`."""

import time
from collections.abc import Sequence

import click

from ozwald.cli.kept_logs import KeptLogs
from ozwald.cli.log_view import JsonView, LogView, PlainView, PrefixedView
from ozwald.cli.output import head_option, limit_option, tail_option, warn_unreachable
from ozwald.cli.workspace import Workspace, with_workspace
from ozwald.errors import NothingReachable, RequestError
from ozwald.execution.log_follow import Following
from ozwald.execution.logs import Asked, InstanceLog, past_lines
from ozwald.execution.whereabouts import Found, Whereabouts
from ozwald.model.plan import InstanceKey
from ozwald.planning.moments import since_ns
from ozwald.planning.names import parse_key, split_specs
from ozwald.planning.nearest import unknown
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from ozwald.state.wanted import read_wanted, wanted_path


@click.command()
@click.argument("instances", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="The logs of all instances.")
@click.option("-f", "--follow", is_flag=True, help="Go on with what they write, until Ctrl-C.")
@head_option
@tail_option
@click.option("--since", metavar="WHEN", help="Only lines from then on: 10m, 2h30m, 2026-05-04T10:00:00Z.")
@click.option("--timestamps", is_flag=True, help="Begin each line with the engine's moment, in UTC.")
@limit_option
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form of the result."
)
@with_workspace
def get_service_logs(
    workspace: Workspace,
    instances: Sequence[str],
    everything: bool,
    follow: bool,
    top: int | None,
    last: int | None,
    since: str | None,
    timestamps: bool,
    limit: str | None,
    output: str,
) -> int:
    """Show what instances have written to stdout and stderr, read from their hosts.

    The lines of several instances are put in the order in which the engines took them, each behind its instance's
    name. --top and --last count the lines of each instance. --follow goes on through restarts and replacements.
    """
    keys = list(dict.fromkeys(parse_key(spec, workspace.settings.realms) for spec in split_specs(instances)))
    if bool(keys) == everything:
        raise RequestError("give the instances whose logs you want, or --all")
    if top and (last or follow):
        raise RequestError("--top goes with neither --last nor --follow")
    asked = Asked(top=top, last=last, since_ns=since_ns(since, now=time.time()) if since else None)
    with workspace.fleet() as fleet:
        whereabouts = _whereabouts(workspace, fleet, limit)
        found = _find(whereabouts, keys)
        warn_unreachable(found.unreachable)
        keys = keys or sorted({service.key for service in found.services if limit is None or service.container_id})
        view = _view(keys, output=output, timestamps=timestamps)
        kept = KeptLogs(workspace, view, asked)
        logs = _logs([key for key in keys if found.of(key) or not kept.show(key)], found)
        failed = _show(view, logs, asked, whereabouts, kept, follow=follow)
    return 1 if failed or found.unreachable else 0


def _find(whereabouts: Whereabouts, keys: Sequence[InstanceKey]) -> Found:
    try:
        return whereabouts.find(keys) if keys else whereabouts.all()
    except NothingReachable as error:
        if not keys:
            raise
        return Found(services=(), unreachable={name: failure.message for name, failure in error.failures.items()})


def _whereabouts(workspace: Workspace, fleet: Fleet, limit: str | None) -> Whereabouts:
    stored = wanted_path(workspace.home, workspace.provisioner.name)
    return Whereabouts(
        fleet=fleet,
        inventory=workspace.settings.inventory,
        hosts=workspace.hosts(limit),
        controller=workspace.home.controller_id(),
        read_wanted=lambda: read_wanted(stored),
    )


def _view(keys: Sequence[InstanceKey], *, output: str, timestamps: bool) -> LogView:
    if output == "json":
        return JsonView()
    return PlainView(timestamps=timestamps) if len(keys) == 1 else PrefixedView(keys, timestamps=timestamps)


def _logs(keys: Sequence[InstanceKey], found: Found) -> dict[InstanceLog, str]:
    """The instances' logs, those without a container with the reason."""
    logs = {}
    for key in keys:
        service = found.of(key)
        if service is not None:
            logs[InstanceLog(key, service.host, service.container_id)] = service.reason
        elif found.unreachable:
            logs[InstanceLog(key, None, None)] = "it is on none of the hosts that answer"
        else:
            raise RequestError(unknown("running instance", str(key), [str(known.key) for known in found.services]))
    return logs


def _show(
    view: LogView,
    logs: dict[InstanceLog, str],
    asked: Asked,
    whereabouts: Whereabouts,
    kept: KeptLogs,
    *,
    follow: bool,
) -> bool:
    """Whether anything failed."""
    failed = set()

    def fail(key: InstanceKey, text: str) -> None:
        failed.add(key)
        view.note(key, text)

    def engine_of(host: str) -> Engine:
        return whereabouts.fleet.connection(whereabouts.hosts[host]).engine()

    for log, reason in logs.items():
        if log.container_id is None and not kept.show(log.key):
            fail(log.key, f"no log: {reason}")
    for lines in past_lines([log for log in logs if log.container_id], engine_of, asked=asked, failed=fail):
        view.show(lines)
    for log in logs:
        if log.key in failed and log.container_id and not log.position.at_ns:
            kept.show(log.key)
    if follow:
        following = Following(list(logs), engine_of, whereabouts, since_ns=asked.since_ns, tell=view.note)
        for lines in following.lines():
            view.show(lines)
    return bool(failed)
