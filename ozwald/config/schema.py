"""Checks a tree against a JSON Schema and says what is wrong in sentences that repeat no value."""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ozwald.config.compose_hints import hint
from ozwald.config.interpolate import MAX_TEXT, Interpolation
from ozwald.config.nodes import ListNode, MapNode, Node, Scalar, plain_value
from ozwald.config.problems import Problems, shortened
from ozwald.config.quick_look import FITS
from ozwald.config.schema_files import SPELLINGS, compiled_schema

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

_KINDS = {
    "object": "a map",
    "array": "a list",
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "null": "null",
}
_BOOLEANS = {
    **dict.fromkeys(("true", "yes", "on", "y"), "true"),
    **dict.fromkeys(("false", "no", "off", "n"), "false"),
}
_LONGEST_PATH = 200
_Step = str | int
_Schema = Mapping[str, Any]


def checked(node: Node, problems: Problems, *, schema: str, interpolation: Interpolation | None = None) -> Node:
    """The tree in canonical spelling, without `x-` keys and without the parts that the schema refuses.

    `schema` is one of the files in `schemas/`; values have their variables replaced where `interpolation` is given.
    """
    compiled = compiled_schema(schema)
    tree = _Spelling(problems, interpolation).canonical(node, compiled, "")
    plain: Any = plain_value(tree)
    if compiled[FITS](plain):
        return tree
    from ozwald.config.judge import errors  # jsonschema takes long to load, and most files have nothing wrong

    refused: list[tuple[_Step, ...]] = []
    for error in errors(compiled, plain):
        steps = tuple(error.absolute_path)
        refused.extend(_report(error, steps, _at(tree, steps), problems))
    return _without(tree, refused) if refused else tree


class _Spelling:
    """Makes trees with paths, structural keys in the schema's spelling, variables replaced, `x-` keys gone."""

    def __init__(self, problems: Problems, interpolation: Interpolation | None) -> None:
        self.problems = problems
        self.interpolation = interpolation

    def canonical(self, node: Node, schema: _Schema, path: str) -> Node:
        """The tree below one place of the schema; what a variable gave, quoted or not, has the type that is wanted."""
        if isinstance(node, Scalar):
            return self._scalar(node, schema, path)
        if isinstance(node, MapNode):
            return self._map(node, schema, path)
        part = schema.get("items", {})
        items = tuple(self.canonical(item, part, f"{path}[{at}]") for at, item in enumerate(node.items))
        return ListNode(at=node.at, items=items, path=path)

    def _scalar(self, node: Scalar, schema: _Schema, path: str) -> Scalar:
        if self.interpolation:
            node = self.interpolation.apply(node, path)
        if len(node.text) > MAX_TEXT:
            self.problems.error(node.origin, f"is longer than {MAX_TEXT} characters", path=path)
            return Scalar(at=node.at, text="", path=path)
        types = schema.get("type") or ()
        if "boolean" in types and "string" not in types and node.text.lower() in _BOOLEANS:
            return self._boolean(node, path)
        plain = "string" not in types if node.expanded and types else node.plain
        return Scalar(at=node.at, text=node.text, plain=plain, path=path)

    def _boolean(self, node: Scalar, path: str) -> Scalar:
        """In quotes it counts too, as in Compose."""
        meant = _BOOLEANS[node.text.lower()]
        if node.text.lower() != meant:
            self.problems.warn(node.origin, f"counts as {meant}, as in Compose; write {meant}", path=path)
        return Scalar(at=node.at, text=meant, path=path)

    def _map(self, node: MapNode, schema: _Schema, path: str) -> MapNode:
        properties = schema.get("properties", {})
        others = schema.get(SPELLINGS, {})
        rest = schema.get("additionalProperties") or {}
        extensible = "patternProperties" in schema
        values: dict[str, Node] = {}
        keys: dict[str, Scalar] = {}
        for written, value in node.values.items():
            key = others.get(written, written)
            if extensible and key.startswith("x-"):
                continue
            here = _below(path, written)
            if key in values:
                message = f"the key stands twice, also as {shortened(keys[key].text)!r}"
                self.problems.error(node.keys[written].origin, message, path=here)
                continue
            values[key] = self.canonical(value, properties.get(key, rest), here)
            keys[key] = node.keys[written]
        return MapNode(at=node.at, values=values, keys=keys, path=path)


def _below(path: str, key: str) -> str:
    """The path of a key; what is deep or has long names keeps the path of what it is in, for the memory's sake."""
    if len(path) > _LONGEST_PATH:
        return path
    return f"{path}.{shortened(key)}" if path else shortened(key)


def _at(node: Node, steps: tuple[_Step, ...]) -> Node:
    for step in steps:
        if isinstance(node, MapNode) and isinstance(step, str):
            node = node.values[step]
        elif isinstance(node, ListNode) and isinstance(step, int):
            node = node.items[step]
    return node


def _keyword(error: "ValidationError") -> Any:
    """What the schema says under the keyword that failed."""
    return error.validator_value


def _around(error: "ValidationError") -> Any:
    """The part of the schema that failed."""
    return error.schema


def _report(
    error: "ValidationError", steps: tuple[_Step, ...], node: Node, problems: Problems
) -> Iterator[tuple[_Step, ...]]:
    """Report one error of the schema and yield the places that later steps must not look at."""
    if error.validator == "additionalProperties" and isinstance(node, MapNode):
        known = _around(error)["properties"]
        for key in (key for key in node.values if key not in known):
            place = node.keys[key]
            unknown = f"the key {shortened(place.text)!r} is not known{problems.nearest(key, known)}"
            message = hint(_around(error).get("hints", ""), key) or unknown
            problems.error(place.origin, message, path=node.path)
            yield (*steps, key)
    elif "propertyNames" in error.schema_path and isinstance(node, MapNode):
        key = str(error.instance)
        problems.error(node.keys[key].origin, _around(error)["patternErrorMessage"], path=node.path)
        yield (*steps, key)
    else:
        say = _SENTENCES.get(str(error.validator))
        problems.error(node.origin, say(error) if say else "is not allowed here", path=node.path)
        yield steps


def _type_sentence(error: "ValidationError") -> str:
    if "typeErrorMessage" in _around(error):
        return str(_around(error)["typeErrorMessage"])
    wanted = _keyword(error) if isinstance(_keyword(error), list) else [_keyword(error)]
    words = [_KINDS[kind] for kind in wanted if kind != "null" or len(wanted) == 1]
    return f"must be {_either(words)}, not {_kind(error.instance)}"


def _enum_sentence(error: "ValidationError") -> str:
    words = [str(word) for word in _keyword(error) if word is not None]
    return f"must be {_either(words)}"


def _required_sentence(error: "ValidationError") -> str:
    present: Any = error.instance
    missing = [key for key in _keyword(error) if key not in present]
    return f"the key {_either([repr(key) for key in missing])} is missing"


_SENTENCES: dict[str, Callable[["ValidationError"], str]] = {
    "type": _type_sentence,
    "enum": _enum_sentence,
    "required": _required_sentence,
    "pattern": lambda error: str(_around(error)["patternErrorMessage"]),
    "minimum": lambda error: f"must be at least {_keyword(error)}",
    "uniqueItems": lambda error: "must not have the same entry twice",
    "maximum": lambda error: f"must be at most {_keyword(error)}",
}


def _either(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _kind(value: object) -> str:
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer", float: "number"}
    return _KINDS[kinds.get(type(value), "null")]


def _without(node: Node, refused: list[tuple[_Step, ...]]) -> Node:
    """The tree without the parts at the refused places; a map in place of a root that was refused itself."""
    if () in refused:
        return MapNode(at=node.at, path=node.path)
    below: dict[_Step, list[tuple[_Step, ...]]] = {}
    for steps in refused:
        below.setdefault(steps[0], []).append(steps[1:])
    gone = {step for step, rests in below.items() if () in rests}
    if isinstance(node, MapNode):
        values = {
            key: _without(value, below[key]) if key in below else value
            for key, value in node.values.items()
            if key not in gone
        }
        return MapNode(at=node.at, values=values, keys=node.keys, path=node.path)
    if isinstance(node, ListNode):
        items = tuple(
            _without(item, below[at]) if at in below else item for at, item in enumerate(node.items) if at not in gone
        )
        return ListNode(at=node.at, items=items, path=node.path)
    return node
