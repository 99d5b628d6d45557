"""Values of Ansible's files: YAML 1.1 scalars, JSON and vault."""

import datetime
import json
from typing import Any

import yaml

from ozwald.config.files import Source
from ozwald.config.json_source import json_value
from ozwald.config.nodes import At, ListNode, MapNode, Node, Scalar
from ozwald.config.problems import Problems, RefusedError
from ozwald.config.scalars import MAX_DIGITS
from ozwald.config.yaml_source import Dialect, compose

VAULT = "!vault"
ANSIBLE_YAML = Dialect(last_duplicate_wins=True, tags=frozenset((VAULT, "!vault-encrypted", "!unsafe")))

# What `ansible-inventory` and scripts write around a text that is encrypted or must not be evaluated.
_MARKS = {"__ansible_vault": VAULT, "__ansible_unsafe": "!unsafe"}

_TAG = "tag:yaml.org,2002:"
_CONSTRUCTED = (_TAG + "int", _TAG + "float", _TAG + "bool", _TAG + "null", _TAG + "timestamp")


def read_tree(source: Source, problems: Problems) -> Node | None:
    """The tree of a file that holds JSON or YAML, or None when it holds neither."""
    if source.text.lstrip()[:1] in ("{", "["):
        try:
            return json_tree(source.text, source.file, problems)
        except RefusedError:
            pass
    return compose(source, problems, dialect=ANSIBLE_YAML)


def json_tree(text: str, file: str, problems: Problems) -> Node:
    """JSON as a tree; raises RefusedError. Its places are those of the file, not of each value."""
    return tree_of(json_value(text, file, problems), (file, 1, 1))


def tree_of(value: object, at: At) -> Node:
    """Plain values as a tree, all in one place."""
    if isinstance(value, dict):
        if len(value) == 1 and (marked := _MARKS.keys() & value.keys()):
            (mark,) = marked
            return Scalar(at=at, text=str(value[mark]), plain=False, tag=_MARKS[mark])
        keys = {key: Scalar(at=at, text=key, plain=False) for key in value}
        return MapNode(at=at, values={key: tree_of(part, at) for key, part in value.items()}, keys=keys)
    if isinstance(value, list):
        return ListNode(at=at, items=tuple(tree_of(part, at) for part in value))
    if isinstance(value, str):
        return Scalar(at=at, text=value, plain=False)
    return Scalar(at=at, text=_yaml_text(value))


def _yaml_text(value: object) -> str:
    """A JSON number or word as YAML 1.1 reads it: a float needs its dot."""
    text = json.dumps(value)
    if "e" in text and "." not in text and isinstance(value, float):
        return text.replace("e", ".0e")
    return {"NaN": ".nan", "Infinity": ".inf", "-Infinity": "-.inf"}.get(text, text)


class _Scalars(yaml.resolver.Resolver, yaml.constructor.SafeConstructor):
    """PyYAML's own reading of YAML 1.1 scalars, without its loader."""

    def __init__(self) -> None:
        yaml.resolver.Resolver.__init__(self)
        yaml.constructor.SafeConstructor.__init__(self)

    def typed(self, text: str) -> object:
        if len(text) > MAX_DIGITS:
            return text
        tag: str = self.resolve(yaml.ScalarNode, text, (True, False))  # type: ignore[no-untyped-call]
        if tag not in _CONSTRUCTED:
            return text
        try:
            return self.yaml_constructors[tag](self, yaml.ScalarNode(tag, text))
        except (ValueError, OverflowError):
            # A date such as 2024-13-45, or more digits than Python turns into a number.
            return text


_SCALARS = _Scalars()


def value_of(node: Node) -> Any:
    """The node as Ansible has it: dates as text, a vault secret as `ansible-inventory` shows it."""
    if isinstance(node, ListNode):
        return [value_of(item) for item in node.items]
    if isinstance(node, MapNode):
        return {name_of(node.keys[key]): value_of(value) for key, value in node.values.items()}
    if node.tag.startswith(VAULT):
        return {"__ansible_vault": node.text}
    value = _SCALARS.typed(node.text) if node.plain else node.text
    return value.isoformat() if isinstance(value, datetime.date) else value


def name_of(key: Scalar) -> str:
    """A key as `ansible-inventory` shows it: `yes`, which is not text in YAML 1.1, as `true`."""
    value = value_of(key)
    return value if isinstance(value, str) else json.dumps(value)
