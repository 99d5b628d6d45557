"""Variables in values, as in Compose: `${VAR}`, `${VAR:-default}`, `${VAR:?why}`, `${VAR:+other}`, `$$`."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ozwald.config.nodes import Scalar
from ozwald.config.problems import Problems, shortened

MAX_NESTING = 16
MAX_EXPANDED = 4 * 1024 * 1024
# Linux passes no longer text to a program, neither as a word nor as a variable.
MAX_TEXT = 128 * 1024

# What finding one variable costs, in characters of text.
_VARIABLE_CHARACTERS = 64

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")
_OUTSIDE = re.compile(r"[^$]+")
_INSIDE = re.compile(r"[^$}]+|\}")
_BRACE = re.compile(r"[{}]")
_INVALID = "a '${' that starts no variable; write '$${' for a plain '${', or '${NAME}'"


class TemplateError(Exception):
    """The text is not a valid template, or a variable that must be set is not; str() is the sentence."""


@dataclass(slots=True)
class Room:
    """How much text variables may still make: a few that name each other could fill the memory."""

    characters: int = MAX_EXPANDED

    def take(self, text: str) -> None:
        """Take the room for one variable's text; raises TemplateError."""
        self.characters -= len(text) + _VARIABLE_CHARACTERS
        if self.characters < 0:
            raise TemplateError(f"variables make more text than {MAX_EXPANDED // 1024**2} MiB")


@dataclass(slots=True)
class Template:
    """One text being expanded; `unset` collects the variables that were missing and had no default."""

    text: str
    variables: Mapping[str, str]
    room: Room = field(default_factory=Room)
    unset: list[str] = field(default_factory=list)
    at: int = 0
    pairs: dict[int, int] | None = None

    def expand(self) -> str:
        """The text with its variables replaced; raises TemplateError."""
        expanded = self._until_end(depth=0, wanted=True)
        if len(expanded) > MAX_TEXT:
            raise TemplateError(f"the text is longer than {MAX_TEXT} characters")
        return expanded

    def _until_end(self, *, depth: int, wanted: bool, closing: int | None = None) -> str:
        """Everything up to the end of the text, or inside a variable up to its closing brace, where it is known."""
        if depth > MAX_NESTING:
            raise TemplateError(f"variables nested deeper than {MAX_NESTING}")
        parts: list[str] = []
        while self.at < len(self.text):
            if depth and self.text[self.at] == "}" and closing in (None, self.at):
                return "".join(parts)
            if self.text[self.at] == "$":
                parts.append(self._dollar(depth=depth, wanted=wanted))
            else:
                run = (_INSIDE if depth else _OUTSIDE).match(self.text, self.at)
                assert run
                parts.append(run[0])
                self.at = run.end()
        if depth:
            raise TemplateError("a '${' without its '}'")
        return "".join(parts)

    def _dollar(self, *, depth: int, wanted: bool) -> str:
        self.at += 1
        following = self.text[self.at : self.at + 1]
        if following == "$":
            self.at += 1
            self.room.take("$")
            return "$"
        braced = following == "{"
        name = _NAME.match(self.text, self.at + braced)
        if not name and not braced:
            return "$"
        if not name:
            raise TemplateError(_INVALID)
        self.at = name.end()
        return self._braced(name[0], depth=depth, wanted=wanted) if braced else self._look_up(name[0], wanted)

    def _braced(self, name: str, *, depth: int, wanted: bool) -> str:
        opening = self.at - len(name) - 1
        operator = _OPERATOR.match(self.text, self.at)
        if not operator:
            self._close()
            return self._look_up(name, wanted)
        self.at = operator.end()
        present = bool(self.variables.get(name)) if operator[0][0] == ":" else name in self.variables
        kind = operator[0][-1]
        start = self.at
        counts = wanted and kind != "?" and present == (kind == "+")
        alternative = self._until_end(depth=depth + 1, wanted=counts, closing=self._closing(opening))
        why = self.text[start : self.at]
        self._close()
        if kind == "?" and wanted and not present:
            raise TemplateError(f"the variable {shortened(name)} must be set{': ' + shortened(why) if why else ''}")
        if kind == "+":
            return alternative if present else ""
        return self._value(name) if present else alternative

    def _closing(self, opening: int) -> int | None:
        """Where a brace is closed, counting those between, as JSON in a default has them; None when it is not."""
        if self.pairs is None:
            self.pairs = {}
            opened: list[int] = []
            for brace in _BRACE.finditer(self.text):
                if brace[0] == "{":
                    opened.append(brace.start())
                elif opened:
                    self.pairs[opened.pop()] = brace.start()
        return self.pairs.get(opening)

    def _close(self) -> None:
        if self.text[self.at : self.at + 1] != "}":
            raise TemplateError("a '${' without its '}'" if self.at >= len(self.text) else _INVALID)
        self.at += 1

    def _look_up(self, name: str, wanted: bool) -> str:
        if name in self.variables:
            return self._value(name)
        self.room.take("")
        if wanted:
            self.unset.append(name)
        return ""

    def _value(self, name: str) -> str:
        value = self.variables[name]
        self.room.take(value)
        return value


class Interpolation:
    """Replaces variables in values; keys stay as they are."""

    def __init__(self, variables: Mapping[str, str], problems: Problems) -> None:
        self.variables = variables
        self.problems = problems
        self.warned: set[str] = set()
        self.room = Room()

    def apply(self, node: Scalar, path: str) -> Scalar:
        """The value expanded; one without a `$` is the same object as before."""
        if "$" not in node.text:
            return node
        template = Template(node.text, self.variables, self.room)
        try:
            text = template.expand()
        except TemplateError as err:
            self.problems.error(node.origin, str(err), path=path)
            return node._replace(plain=False)
        for name in template.unset:
            self._warn(name, node, path)
        expanded = node._replace(text=text, expanded=True)
        # A variable that happens to be empty or "null" is text: null would remove the inherited key.
        return expanded._replace(plain=False) if expanded.value is None else expanded

    def _warn(self, name: str, node: Scalar, path: str) -> None:
        if name not in self.warned:
            self.warned.add(name)
            message = f"the variable {shortened(name)} is not set; it counts as empty"
            self.problems.warn(node.origin, message, path=path)
