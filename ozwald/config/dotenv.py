"""Environment files as Compose reads them: `.env` and `env_file`."""

import re
from collections import ChainMap
from collections.abc import Mapping

from ozwald.config.files import Source, place
from ozwald.config.interpolate import Template, TemplateError
from ozwald.config.problems import RefusedError

_SKIPPED = re.compile(r"(?:[ \t]*(?:#[^\n]*)?\n)*[ \t]*(?:#[^\n]*\Z)?(?:export[ \t]+)?")
_KEY = re.compile(r"([^\s=:#'\"]+)[ \t]*(?:([=:])[ \t]*|(?=\n|#|\Z))")
_QUOTED = {
    "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL),
    '"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL),
}
_UNQUOTED = re.compile(r"([^\n]*?)[ \t]*(?:(?<=[ \t=:])#[^\n]*)?(?=\n|\Z)")
_REST_OF_LINE = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", '"': '"', "$": "$$"}


def parse_dotenv(source: Source, environ: Mapping[str, str], *, raw: bool = False) -> dict[str, str | None]:
    """The variables of an environment file; None for a key without `=`. Raises RefusedError.

    Values see `environ`, then the lines above. `raw` takes everything behind `=` as it stands.
    """
    text = source.text.replace("\r\n", "\n")
    if raw:
        return _raw(text)
    found: dict[str, str | None] = {}
    above: dict[str, str] = {}
    visible = ChainMap(above, environ)  # type: ignore[arg-type]  # the second is only read
    at = _skip(text, 0)
    while at < len(text):
        key, value, at = _entry(text, at, source.file, visible)
        found[key] = value
        if value is not None and key not in environ:
            above[key] = value
        at = _skip(text, at)
    return found


def _raw(text: str) -> dict[str, str | None]:
    lines = (line.partition("=") for line in text.split("\n") if line.strip() and not line.lstrip().startswith("#"))
    return {key.strip(): value if equals else None for key, equals, value in lines}


def _skip(text: str, at: int) -> int:
    skipped = _SKIPPED.match(text, at)
    return skipped.end() if skipped else at


def _entry(text: str, at: int, file: str, visible: Mapping[str, str]) -> tuple[str, str | None, int]:
    """The key, the value and the place behind them."""
    key = _KEY.match(text, at)
    if not key:
        raise RefusedError(place(text, at, file), "is not a line of the form KEY=value")
    value, end = None, key.end()
    if key[2]:
        try:
            value, end = _value(text, end, visible)
        except TemplateError as err:
            raise RefusedError(place(text, at, file), str(err)) from err
    rest = _REST_OF_LINE.match(text, end)
    if not rest:
        raise RefusedError(place(text, at, file), "has text behind the closing quote")
    return key[1], value, rest.end()


def _value(text: str, at: int, visible: Mapping[str, str]) -> tuple[str, int]:
    quote = text[at : at + 1]
    if quote not in _QUOTED:
        unquoted = _UNQUOTED.match(text, at)
        assert unquoted
        return Template(unquoted[1], visible).expand(), unquoted.end()
    quoted = _QUOTED[quote].match(text, at)
    if not quoted:
        raise TemplateError("a quote is opened and never closed")
    if quote == "'":
        return quoted[1].replace("\\'", "'"), quoted.end()
    unescaped = _ESCAPE.sub(lambda escape: _ESCAPES.get(escape[1], escape[0]), quoted[1])
    return Template(unescaped, visible).expand(), quoted.end()
