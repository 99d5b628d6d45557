"""Changes of the wanted set, for people and for programs."""

from collections.abc import Iterable
from typing import Any

from ozwald.cli.harmless import harmless_line
from ozwald.model.history import ChangeKind, InstanceChange

SIGNS = {ChangeKind.ADDED: "+", ChangeKind.REMOVED: "-", ChangeKind.CHANGED: "~"}


def change_lines(changes: Iterable[InstanceChange]) -> list[str]:
    """A line for each change, with old and new values."""
    return [harmless_line(f"{SIGNS[change.kind]} {change.key}{_values(change)}") for change in changes]


def change_document(change: InstanceChange) -> dict[str, Any]:
    """One change, for `--output json`."""
    return {
        "change": change.kind.value,
        "realm": change.key.realm,
        "name": change.key.name,
        "values": {name: {"before": was, "after": is_now} for name, (was, is_now) in change.values.items()},
    }


def _values(change: InstanceChange) -> str:
    pairs = ", ".join(f"{name} {was or 'none'} -> {is_now or 'none'}" for name, (was, is_now) in change.values.items())
    return f": {pairs}" if pairs else ""
