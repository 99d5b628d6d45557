"""Environment files as Compose reads them: `.env` and `env_file`."""

import re
from collections import ChainMap
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

from ozwald.config.files import Source, place
from ozwald.config.interpolate import MAX_TEXT, Room, Template, TemplateError
from ozwald.config.problems import RefusedError, whole_file
from ozwald.model.realm import Origin

MAX_ENTRIES = 20_000

# Repeats are possessive ('*+'): they never match in another way, and remembering that they could takes memory.
_SKIPPED = re.compile(r"\s*+(?:#[^\n]*+\s*+)*+(?:export[ \t]++)?+")
_KEY = re.compile(r"([\w.\[\]-]++)[^\S\n]*+(?:([=:])[^\S\n]*+|(?=\n|\Z))")
_QUOTED = {
    "'": re.compile(r"'((?:[^'\\]++|\\.)*+)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL),
}
_REST = re.compile(r"[^\n]*+")
_REST_OF_LINE = re.compile(r"[^\S\n]*+(?:#[^\n]*+)?+(?:\n|\Z)")
_ESCAPE = re.compile(r"\\(0[0-3][0-7]{2}|.)", re.DOTALL)
_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "$": "$$",
}
_RAW = re.compile(r"\s*+(?P<key>[^\s=]++)(?P<equals>=)?+(?P<value>.*)")


@dataclass(frozen=True, slots=True)
class Entry:
    """One variable of an environment file: its value, None for a key without `=`, and its line, from 1."""

    value: str | None
    line: int


def parse_dotenv(
    source: Source, environ: Mapping[str, str], *, above: Mapping[str, str] | None = None, raw: bool = False
) -> dict[str, Entry]:
    """The variables of an environment file. Raises RefusedError.

    Values see `environ`, then the lines above, to which those of `above` count. `raw` takes everything behind `=` as
    it stands.
    """
    text = source.text
    if raw:
        return _raw(source)
    found: dict[str, Entry] = {}
    lines = dict(above or {})
    visible = ChainMap(environ, lines)  # type: ignore[arg-type]  # the first is only read
    room = Room()
    entries = count(1)
    line, at = 1, 0
    while (begin := _skip(text, at)) < len(text):
        _check_number(next(entries), source.file)
        line += text.count("\n", at, begin)
        key, value, at = _entry(text, begin, source.file, visible, room)
        if value is not None or key in environ or key not in lines:
            found[key] = Entry(value, line)
        line += text.count("\n", begin, at)
        if value is not None:
            lines[key] = value
    return found


def _raw(source: Source) -> dict[str, Entry]:
    numbered = enumerate(source.text.split("\n"), 1)
    lines = [(number, line) for number, line in numbered if line.strip() and not line.lstrip().startswith("#")]
    _check_number(len(lines), source.file)
    found: dict[str, Entry] = {}
    for number, line in lines:
        parts = _RAW.fullmatch(line.removesuffix("\r"))
        if not parts or (parts["value"] and not parts["equals"]):
            raise RefusedError(Origin(file=source.file, line=number, column=1), "is not a line of the form KEY=value")
        found[parts["key"]] = Entry(parts["value"] if parts["equals"] else None, number)
    return found


def _check_number(entries: int, file: str) -> None:
    if entries > MAX_ENTRIES:
        raise RefusedError(whole_file(file), f"has more than {MAX_ENTRIES} variables")


def _skip(text: str, at: int) -> int:
    skipped = _SKIPPED.match(text, at)
    return skipped.end() if skipped else at


def _entry(text: str, at: int, file: str, visible: Mapping[str, str], room: Room) -> tuple[str, str | None, int]:
    """The key, the value and the place behind them."""
    key = _KEY.match(text, at)
    if not key:
        raise RefusedError(place(text, at, file), "is not a line of the form KEY=value")
    value, end = None, key.end()
    if key[2]:
        try:
            value, end = _value(text, end, visible, room)
        except TemplateError as err:
            raise RefusedError(place(text, at, file), str(err)) from err
    rest = _REST_OF_LINE.match(text, end)
    if not rest:
        raise RefusedError(place(text, at, file), "has text behind the closing quote")
    return key[1], value, rest.end()


def _value(text: str, at: int, visible: Mapping[str, str], room: Room) -> tuple[str, int]:
    quote = text[at : at + 1]
    if quote not in _QUOTED:
        return _unquoted(text, at, visible, room)
    quoted = _QUOTED[quote].match(text, at)
    if not quoted:
        raise TemplateError("a quote is opened and never closed")
    if len(quoted[1]) > MAX_TEXT:
        raise TemplateError(f"the text is longer than {MAX_TEXT} characters")
    if quote == "'":
        return quoted[1].replace("\\'", "'"), quoted.end()
    return Template(_ESCAPE.sub(_unescaped, quoted[1]), visible, room).expand(), quoted.end()


def _unescaped(escape: re.Match[str]) -> str:
    if len(escape[1]) > 1:
        return chr(int(escape[1], 8))
    return _ESCAPES.get(escape[1], escape[0])


def _unquoted(text: str, at: int, visible: Mapping[str, str], room: Room) -> tuple[str, int]:
    """The rest of the line; a note begins with a blank and `#`, since a password may begin with `#`."""
    rest = _REST.match(text, at)
    assert rest
    written = rest[0].partition(" #")[0].rstrip()
    return Template(written, visible, room).expand(), rest.end()
