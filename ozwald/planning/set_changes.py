"""Tells what one wanted set changes about another."""

from collections.abc import Iterable
from dataclasses import fields

from ozwald.model.history import ChangeKind, InstanceChange
from ozwald.model.request import InstanceRequest
from ozwald.model.wanted import WantedInstance

_NAMES = ("realm", "name")


def changes(before: Iterable[WantedInstance], after: Iterable[WantedInstance]) -> tuple[InstanceChange, ...]:
    """Every instance that was added, removed or changed, by name."""
    old, new = {one.key: one for one in before}, {one.key: one for one in after}
    found = [InstanceChange(key=key, kind=ChangeKind.ADDED) for key in new.keys() - old.keys()]
    found += [InstanceChange(key=key, kind=ChangeKind.REMOVED) for key in old.keys() - new.keys()]
    found += [
        InstanceChange(key=key, kind=ChangeKind.CHANGED, values=_differences(old[key], new[key]))
        for key in old.keys() & new.keys()
        if old[key] != new[key]
    ]
    return tuple(sorted(found, key=lambda change: change.key))


def _differences(old: WantedInstance, new: WantedInstance) -> dict[str, tuple[str | None, str | None]]:
    pairs = {
        part.name: (getattr(old.request, part.name), getattr(new.request, part.name))
        for part in fields(InstanceRequest)
        if part.name not in _NAMES
    }
    pairs["placed_on"] = (old.placed_on, new.placed_on)
    pairs["persistent"] = (_yes(old.persistent), _yes(new.persistent))
    return {name: (was, is_now) for name, (was, is_now) in pairs.items() if was != is_now}


def _yes(is_so: bool) -> str | None:
    return "yes" if is_so else None
