"""Ansible's INI inventory: sections of hosts, `[group:children]` and `[group:vars]`."""

import ast
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field

from ozwald.config.ansible.draft import Draft
from ozwald.config.ansible.yaml_form import add_hosts
from ozwald.config.files import Source
from ozwald.config.nodes import At, origin_of
from ozwald.config.sources import UNGROUPED, Variable
from ozwald.config.words import split_words
from ozwald.model.realm import Origin

_SECTION = re.compile(r"\[([^:\]\s]+)(?::(\w+))?\]\s*(?:#.*)?")
_GROUP_NAME = re.compile(r"([^:\]\s]+)\s*(?:#.*)?")
_COMMENTS = ("#", ";")

_MAX_LINE = 64 * 1024
# What taking a line apart costs, in values of a YAML file.
_LINE_CHARACTERS_PER_VALUE = 8

# Longer texts are not looked at as Python values: parsing them takes memory and stack.
_MAX_LITERAL = 20_000
# What parsing costs, in values of a YAML file; most texts need none, since they begin a word and have no quote.
_LITERAL_CHARACTERS_PER_VALUE = 8
_NO_LITERAL = re.compile(r"(?!(?:True|False|None|set)\b)[^\W\d][^'\"]*", re.DOTALL)
# Python refuses to write a number with more digits than about 4300.
_MAX_NUMBER_BITS = 10_000


def read_ini_form(source: Source, draft: Draft) -> None:
    """Add the sections of a file to the draft."""
    reader = _Reader(source.file, draft)
    for number, line in enumerate(source.text.splitlines(), 1):
        text = line.strip()
        if text and text[0] not in _COMMENTS:
            place = Origin(file=source.file, line=number, column=line.index(text) + 1)
            draft.problems.spend(1 + len(text) // _LINE_CHARACTERS_PER_VALUE, place)
            if len(text) > _MAX_LINE:
                draft.problems.error(place, f"the line is longer than {_MAX_LINE} characters")
            else:
                reader.take(text, (source.file, number, place.column))
    reader.check_declared()


@dataclass(slots=True)
class _Undeclared:
    """A group that was named before its section; it joins its parents when that comes."""

    at: At
    message: str
    parents: list[tuple[str, At]] = field(default_factory=list)


class _Reader:
    """Goes through the lines; a section may be named before it is declared."""

    def __init__(self, file: str, draft: Draft) -> None:
        self.draft = draft
        self.group = UNGROUPED
        self.take_line: Callable[[str, At], None] = self._host
        self.undeclared: dict[str, _Undeclared] = {}
        self.kinds: dict[str, Callable[[str, At], None]] = {
            "hosts": self._host,
            "children": self._child,
            "vars": self._variable,
        }

    def take(self, line: str, at: At) -> None:
        """Take one line that is neither empty nor a comment."""
        section = _SECTION.fullmatch(line)
        if section:
            self._section(section[1], section[2] or "hosts", at)
        elif line.startswith("[") and line.endswith("]"):
            self._error(at, "not a section: [GROUP], [GROUP:children] or [GROUP:vars], without spaces")
        else:
            self.take_line(line, at)

    def check_declared(self) -> None:
        """Name the groups that have variables or are children and stand nowhere as a section."""
        for group in self.undeclared.values():
            self._error(group.at, group.message)

    def _section(self, group: str, kind: str, at: At) -> None:
        if kind not in self.kinds:
            self._error(at, "a section is of the kind 'hosts', 'children' or 'vars'")
            kind = "hosts"
        self.group, self.take_line = group, self.kinds[kind]
        if kind == "vars" and group not in self.draft.groups:
            self.undeclared.setdefault(
                group, _Undeclared(at, "these variables are for a group that is declared nowhere")
            )
        self.draft.add_group(group, origin_of(at))
        if kind != "vars" and group in self.undeclared:
            for parent, place in self.undeclared.pop(group).parents:
                self.draft.add_child(parent, group, origin_of(place))

    def _host(self, line: str, at: At) -> None:
        try:
            words = split_words(line, comments=True)
        except ValueError as err:
            self._error(at, str(err))
            return
        if words[0].strip() == "---" or words[0].endswith(":"):
            self._error(at, "not a host; if this file is YAML, its form is wrong for an inventory")
            return
        found = {}
        for word in words[1:]:
            key, equals, value = word.partition("=")
            if not equals:
                self._error(at, "behind a host stand only variables of the form KEY=VALUE")
                return
            found[key] = self._variable_of(value, at)
        add_hosts(words[0], self.group, found, at, self.draft)

    def _child(self, line: str, at: At) -> None:
        name = _GROUP_NAME.fullmatch(line)
        if not name:
            self._error(at, "must be the name of a group")
            return
        if name[1] in self.draft.groups:
            self.draft.add_child(self.group, name[1], origin_of(at))
        else:
            group = self.undeclared.setdefault(name[1], _Undeclared(at, "this group is declared nowhere"))
            group.parents.append((self.group, at))

    def _variable(self, line: str, at: At) -> None:
        key, equals, value = line.partition("=")
        if not equals:
            self._error(at, "must have the form KEY=VALUE")
            return
        self.draft.set_variable(self.group, key.strip(), self._variable_of(value.strip(), at))

    def _variable_of(self, text: str, at: At) -> Variable:
        origin = origin_of(at)
        if len(text) > _MAX_LITERAL or _NO_LITERAL.fullmatch(text):
            return Variable(value=text, origin=origin)
        self.draft.problems.spend(1 + len(text) // _LITERAL_CHARACTERS_PER_VALUE, origin)
        return Variable(value=_literal(text), origin=origin)

    def _error(self, at: At, message: str) -> None:
        self.draft.problems.error(origin_of(at), message)


def _literal(text: str) -> object:
    """The value of a Python literal, else the text."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return _plain(ast.literal_eval(text))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _plain(value: object) -> object:
    """A literal with the types that variables have."""
    if isinstance(value, list | tuple | set):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, int) and value.bit_length() > _MAX_NUMBER_BITS:
        raise ValueError("too large a number")
    if isinstance(value, str):
        # Refuses half characters, which no file and no terminal takes.
        value.encode()
    return "..." if value is ... else str(value) if isinstance(value, complex) else value
