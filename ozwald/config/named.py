"""Reads what is a map by name, or a list whose entries carry their names."""

from collections.abc import Iterator
from dataclasses import dataclass

from ozwald.config.nodes import ListNode, MapNode, Node, Scalar
from ozwald.config.problems import Problems
from ozwald.model.realm import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A body with its name and the place where the name is written; in a list the body carries the name."""

    name: str
    origin: Origin
    body: Node
    in_list: bool


def named(node: Node | None, problems: Problems) -> Iterator[Named]:
    """Each entry once; a name that stands twice in a list becomes a problem."""
    if isinstance(node, MapNode):
        for name, body in node.values.items():
            yield Named(name=name, origin=node.keys[name].origin, body=body, in_list=False)
    elif isinstance(node, ListNode):
        yield from _unique(node, problems)


def _unique(node: ListNode, problems: Problems) -> Iterator[Named]:
    first: dict[str, Origin] = {}
    for item in node.items:
        name = item if isinstance(item, Scalar) else item.values.get("name") if isinstance(item, MapNode) else None
        if not isinstance(name, Scalar):
            continue
        if name.text in first:
            problems.error(name.origin, f"the name stands twice; first at {first[name.text]}", path=name.path)
            continue
        first[name.text] = name.origin
        yield Named(name=name.text, origin=name.origin, body=item, in_list=True)
