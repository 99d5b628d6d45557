"""Puts operations into the order of their dependencies."""

from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter

from ozwald.errors import RequestError
from ozwald.model.plan import Operation


def in_order(operations: Iterable[Operation]) -> list[Operation]:
    """Every operation after those it comes after, else by name.

    Raises:
        RequestError: they wait for each other in a circle.
    """
    by_key = {operation.key: operation for operation in operations}
    graph = {key: [name for name in operation.after if name in by_key] for key, operation in sorted(by_key.items())}
    try:
        return [by_key[key] for key in TopologicalSorter(graph).static_order()]
    except CycleError as err:
        circle = " -> ".join(str(key) for key in err.args[1])
        raise RequestError(f"depends_on forms a circle: {circle}; remove one of these dependencies") from err
