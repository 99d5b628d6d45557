"""The tree that a YAML file becomes: texts, lists and maps, each with its place."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ozwald.config.scalars import typed
from ozwald.model.realm import Origin

# File, line and column. A plain tuple, because a large file has hundreds of thousands of them and the
# garbage collector stops looking at tuples without references.
At = tuple[str, int, int]


def origin_of(at: At) -> Origin:
    """The place as a value of the model."""
    return Origin(file=at[0], line=at[1], column=at[2])


class Scalar(NamedTuple):
    """A single value. `plain` says that its text decides its type, as it stood without quotes.

    `expanded` says that variables made its text; `tag` is one that the file's dialect knows, else empty.
    A named tuple, because a frozen dataclass takes twice as long to make.
    """

    at: At
    text: str
    plain: bool = True
    expanded: bool = False
    tag: str = ""
    path: str = ""

    def __repr__(self) -> str:
        return f"Scalar(at={self.at!r}, path={self.path!r})"

    @property
    def origin(self) -> Origin:
        """Where it is written."""
        return origin_of(self.at)

    @property
    def value(self) -> str | int | float | bool | None:
        """The value by YAML 1.2's core schema."""
        return typed(self.text) if self.plain else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class ListNode:
    """A sequence."""

    at: At
    items: tuple["Node", ...] = ()
    path: str = ""

    @property
    def origin(self) -> Origin:
        """Where it begins."""
        return origin_of(self.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class MapNode:
    """A mapping by key text; `keys` has the keys as they stand in the file."""

    at: At
    values: Mapping[str, "Node"] = field(default_factory=dict)
    keys: Mapping[str, Scalar] = field(default_factory=dict)
    path: str = ""

    @property
    def origin(self) -> Origin:
        """Where it begins."""
        return origin_of(self.at)


Node = Scalar | ListNode | MapNode


def is_null(node: Node) -> bool:
    """Whether the YAML says null, or nothing at all."""
    return isinstance(node, Scalar) and node.plain and node.value is None


def plain_value(node: Node) -> object:
    """The node as plain Python: dict, list and typed scalars."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, ListNode):
        return [plain_value(item) for item in node.items]
    return {key: plain_value(value) for key, value in node.values.items()}
