"""Lets who gives a port up go before who takes it over."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from ozwald.model.plan import Action, InstanceKey, Operation
from ozwald.model.service import Port
from ozwald.planning.room import clash
from ozwald.planning.shares import published_ports
from ozwald.planning.situation import Situation

_Place = tuple[str | None, int | None]
"""A host and the number of a port there."""


def freed_first(operations: Iterable[Operation], situation: Situation) -> list[Operation]:
    """The operations, each also after the replacements that free a port of its host for it.

    Those that swap their ports go at the same time: each can start only when all have been stopped.
    """
    operations = list(operations)
    freed_by = dict(_handovers(operations, situation))
    if not freed_by:
        return operations
    everything = {one.key: (*one.after, *freed_by.get(one.key, ())) for one in operations}
    return [_after(one, freed_by.get(one.key, ()), everything) for one in operations]


def _handovers(operations: list[Operation], situation: Situation) -> Iterator[tuple[InstanceKey, list[InstanceKey]]]:
    """Each instance that is to publish what others on its host publish now, with those that are replaced."""
    held = _held(operations, situation)
    for one in operations if held else ():
        if one.placement is not None and one.action.is_change:
            givers = [
                key
                for port in one.placement.spec.ports
                for key, other in held.get((one.host, port.published), ())
                if key != one.key and clash(port, other)
            ]
            if givers:
                yield one.key, givers


def _held(operations: list[Operation], situation: Situation) -> dict[_Place, list[tuple[InstanceKey, Port]]]:
    """What is published now by those that are to be replaced."""
    held: dict[_Place, list[tuple[InstanceKey, Port]]] = {}
    for giver in operations:
        if giver.action is Action.REPLACE:
            for container in situation.containers_of(giver.key, giver.host or ""):
                for port in published_ports(container):
                    held.setdefault((giver.host, port.published), []).append((giver.key, port))
    return held


def _after(
    operation: Operation, givers: Iterable[InstanceKey], everything: Mapping[InstanceKey, tuple[InstanceKey, ...]]
) -> Operation:
    first = [key for key in givers if not _comes_after(key, operation.key, everything)]
    return replace(operation, after=tuple(dict.fromkeys((*operation.after, *first)))) if first else operation


def _comes_after(key: InstanceKey, first: InstanceKey, after: Mapping[InstanceKey, tuple[InstanceKey, ...]]) -> bool:
    """Whether an instance waits for another one, be it by way of others."""
    waiting, seen = [key], {key}
    while waiting:
        for name in after.get(waiting.pop(), ()):
            if name == first:
                return True
            if name not in seen:
                seen.add(name)
                waiting.append(name)
    return False
