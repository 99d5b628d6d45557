"""Reads single values of a checked tree: texts, numbers, sizes, lists, maps."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from ozwald.config.command_words import command_words
from ozwald.config.nodes import ListNode, MapNode, Node, Scalar, is_null
from ozwald.config.problems import Problems, RefusedError
from ozwald.config.units import duration_s, size_bytes

Written = TypeVar("Written")
Read = TypeVar("Read")

_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")

# Linux's own limits on a path and on each name in it.
_LONGEST_PATH = 4096
_LONGEST_NAME = 255

# The engine keeps numbers in 64 bits.
_LARGEST = 2**63 - 1


def refuse(node: Node, message: str) -> RefusedError:
    """The error for a value that cannot be read, with its place and path."""
    return RefusedError(node.origin, message, path=node.path)


def entries(node: Node | None) -> Mapping[str, Node]:
    """The entries of a map; none for null."""
    return node.values if isinstance(node, MapNode) else {}


def listed(node: Node | None) -> tuple[Node, ...]:
    """The items of a list; none for null."""
    return node.items if isinstance(node, ListNode) else ()


def field(node: Node, key: str) -> Node | None:
    """A key of a map, or None when it is missing or null."""
    found = entries(node).get(key)
    return None if found is None or is_null(found) else found


def maybe(node: Node, key: str, read: Callable[[Node], Read]) -> Read | None:
    """A key of a map, read; None when it is missing or null."""
    found = field(node, key)
    return None if found is None else read(found)


def required(node: Node, key: str, read: Callable[[Node], Read]) -> Read:
    """A key that must be there, read."""
    found = field(node, key)
    if found is None:
        was_refused = isinstance(node, MapNode) and key in node.keys
        raise refuse(node, "" if was_refused else f"the key {key!r} is missing")
    return read(found)


def path(node: Node) -> str:
    """A path in a container; raises RefusedError for one that no Linux file system can have."""
    return checked_path(text(node), node)


def checked_path(written: str, node: Node) -> str:
    """The path, if its length and those of its parts are possible."""
    if len(written.encode("utf-8", "surrogatepass")) >= _LONGEST_PATH:
        raise refuse(node, f"the path is longer than {_LONGEST_PATH} bytes")
    if any(len(part.encode("utf-8", "surrogatepass")) > _LONGEST_NAME for part in written.split("/")):
        raise refuse(node, f"a name in the path is longer than {_LONGEST_NAME} bytes")
    return written


def text(node: Node) -> str:
    """A scalar as it is written."""
    if not isinstance(node, Scalar):
        raise refuse(node, "must be text")
    return node.text


def boolean(node: Node) -> bool:
    """True or false."""
    return isinstance(node, Scalar) and node.value is True


def integer(node: Node) -> int:
    """A whole number; digits in quotes count."""
    value = node.value if isinstance(node, Scalar) else None
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    if isinstance(value, int | float) and -_LARGEST <= value <= _LARGEST:
        return int(value)
    raise refuse(node, "must be a whole number")


def number(node: Node) -> float:
    """A finite number that is not negative; digits in quotes count."""
    try:
        value = float(_digits(node))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise refuse(node, "must be a number of at least 0")
    return value


def size(node: Node) -> int:
    """Bytes."""
    try:
        return size_bytes(_digits(node))
    except ValueError as err:
        raise refuse(node, str(err)) from err


def _digits(node: Node) -> str:
    """A scalar as it is written, but `0x10` and `0o17` as the number they are."""
    value = node.value if isinstance(node, Scalar) else None
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text(node)


def duration(node: Node) -> float:
    """Seconds."""
    try:
        return duration_s(text(node))
    except ValueError as err:
        raise refuse(node, str(err)) from err


def texts(node: Node) -> tuple[str, ...]:
    """A list of texts."""
    return tuple(text(item) for item in listed(node))


def text_or_texts(node: Node) -> tuple[str, ...]:
    """One text, or a list of them."""
    return (node.text,) if isinstance(node, Scalar) else texts(node)


def words(node: Node) -> tuple[str, ...]:
    """A command: a list as it stands, a text split as a shell would."""
    if not isinstance(node, Scalar):
        return texts(node)
    try:
        return command_words(node.text)
    except ValueError as err:
        raise refuse(node, str(err)) from err


def collect(read: Callable[[Written], Read], all_written: Iterable[Written], problems: Problems) -> Iterator[Read]:
    """Each of them read; those that cannot be read become problems."""
    for written in all_written:
        try:
            yield read(written)
        except RefusedError as err:
            problems.refused(err)


def as_text(node: Node) -> str | None:
    """A value as a container sees it: a scalar as written, a list or map as compact JSON, None for null."""
    if is_null(node):
        return None
    return node.text if isinstance(node, Scalar) else _json(node)


def _json(node: Node) -> str:
    if isinstance(node, ListNode):
        return f"[{','.join(_json(item) for item in node.items)}]"
    if isinstance(node, MapNode):
        pairs = (f"{json.dumps(key, ensure_ascii=False)}:{_json(value)}" for key, value in node.values.items())
        return f"{{{','.join(pairs)}}}"
    value = node.value
    if isinstance(value, float | int) and not isinstance(value, bool) and _JSON_NUMBER.fullmatch(node.text):
        return node.text
    if isinstance(value, float) and not math.isfinite(value):
        value = node.text
    return json.dumps(value, ensure_ascii=False)


def key_values(node: Node, missing: Callable[[str], str | None]) -> dict[str, str | None]:
    """A map, or a list of KEY=value; `missing` gives the value of a list's KEY without `=`."""
    if isinstance(node, MapNode):
        return {key: as_text(value) for key, value in node.values.items()}
    found = {}
    for item in texts(node):
        key, equals, value = item.partition("=")
        found[key] = value if equals else missing(key)
    return found
