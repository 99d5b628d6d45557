"""Plans and results as people and programs read them."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click

from ozwald.cli.harmless import harmless_line, hide_secret
from ozwald.cli.output import STYLES, paint
from ozwald.execution.steps import Result
from ozwald.model.plan import Action, Change, Operation, Plan

WIDEST_VALUE = 100

_SIGNS = {
    Action.STOP: "-",
    Action.CREATE: "+",
    Action.REPLACE: "~",
    Action.UPDATE: "*",
    Action.START: ">",
    Action.RESTART: "^",
    Action.KEEP: "=",
    Action.BLOCKED: "!",
}
_DONE = {
    Action.STOP: "stopped",
    Action.CREATE: "created",
    Action.REPLACE: "replaced",
    Action.UPDATE: "updated",
    Action.START: "started",
    Action.RESTART: "restarted",
    Action.KEEP: "unchanged",
}


def print_plan(plan: Plan) -> None:
    """Prints a line for each operation, the settings that differ, and how many operations there are of each kind."""
    for operation in plan.operations:
        click.echo(_line(operation))
        for change in operation.changes:
            click.echo(_change_line(change))
    counts = Counter(operation.action for operation in plan.operations)
    told = ", ".join(f"{counts[action]} to {action.value}" for action in _SIGNS if counts[action] and action.is_change)
    blocked = f"; {counts[Action.BLOCKED]} blocked" if counts[Action.BLOCKED] else ""
    click.echo(f"{told or 'nothing to do'}{blocked}")


def print_results(results: Sequence[Result]) -> None:
    """Prints a line for each failure and a count of everything that was done."""
    counts = Counter(_DONE[result.operation.action] for result in results if result.is_done)
    failed = [result for result in results if not result.is_done]
    for result in failed:
        where = f" on {result.operation.host}" if result.operation.host else ""
        click.echo(paint(harmless_line(f"{_outcome(result)}: {result.operation.key}{where}: {result.error}"), "red"))
    told = [f"{count} {what}" for what, count in counts.items()] + ([f"{len(failed)} failed"] if failed else [])
    click.echo(f"done: {', '.join(told) or 'nothing to do'}")


def result_document(result: Result, *, carried_out: bool) -> dict[str, Any]:
    """One operation, and after carrying it out its outcome, for `--output json`."""
    operation = result.operation
    spec = operation.placement.spec if operation.placement else None
    document = {
        "action": operation.action.value,
        "realm": operation.key.realm,
        "name": operation.key.name,
        "host": operation.host,
        "service": spec.service if spec else None,
        "variety": spec.variety if spec else None,
        "profile": spec.profile if spec else None,
        "image": spec.image if spec else None,
        "gpus": [gpu.id for gpu in operation.placement.gpus] if operation.placement else [],
        "container_id": operation.container_id,
        "reason": operation.reason,
        "changes": [
            {"path": change.path, "old": _shown(change.path, change.old), "new": _shown(change.path, change.new)}
            for change in operation.changes
        ],
    }
    if carried_out:
        document |= {"outcome": _outcome(result), "error": result.error or None}
    return document


def _outcome(result: Result) -> str:
    if result.is_done:
        return _DONE[result.operation.action]
    return "unknown" if result.is_unknown else "failed"


def _line(operation: Operation) -> str:
    what = f"{_SIGNS[operation.action]} {operation.action.value:<8}"
    spec = operation.placement.spec if operation.placement else None
    words = "".join(f"[{word}]" for word in (spec.service, spec.variety, spec.profile) if word) if spec else ""
    where = f" on {operation.host}" if operation.host else ""
    gpus = operation.placement.gpus if operation.placement and operation.action.is_change else ()
    cards = "".join(f", card {gpu.index} {gpu.name}" for gpu in gpus)
    style = STYLES.get(operation.action.value, "")
    return paint(harmless_line(f"{what} {operation.key}{words}{where}{cards}: {operation.reason}"), style)


def _change_line(change: Change) -> str:
    old, new = (_text(_shown(change.path, value)) for value in (change.old, change.new))
    return paint(harmless_line(f"             {change.path}: {old} -> {new}"), "dim")


def _shown(path: str, value: Any) -> Any:
    """A value of the settings; text whose name speaks of a secret is hidden."""
    return hide_secret(path, value) if isinstance(value, str) else value


def _text(value: Any) -> str:
    text = "(none)" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= WIDEST_VALUE else f"{text[:WIDEST_VALUE]}…"
