"""A call as the handlers get it: its words checked, its body read as strict JSON."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from ozwald.api.strict_json import NotJson, read_json
from ozwald.errors import OzwaldError
from ozwald.planning.nearest import unknown

MOST_PARAMETERS = 20


class WrongCall(OzwaldError):
    """The call is not one that this route takes."""

    http_status = 400


class WrongMediaType(OzwaldError):
    """The body says of itself that it is something else than JSON."""

    http_status = 415


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call: `arguments` come from the path; the names in `headers` are lower case."""

    path: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


def read_query(text: str, known: Collection[str]) -> Mapping[str, str]:
    """The parameters of a query; raises WrongCall when one is not known, is there twice or is no text."""
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=bool(text), errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError as err:
        raise WrongCall(f"the query cannot be read: {err}") from err
    found: dict[str, str] = {}
    for name, value in pairs:
        if name not in known:
            raise WrongCall(unknown("query parameter", name, known))
        if name in found:
            raise WrongCall(f"the query parameter {name!r} is there twice")
        found[name] = value
    return found


def read_body(content: bytes, headers: Mapping[str, str]) -> Any:
    """The JSON of a body; raises WrongCall or WrongMediaType."""
    kind, *parameters = (
        part.strip().lower() for part in (headers.get("content-type") or "application/json").split(";")
    )
    charsets = [one for one in parameters if one.startswith("charset=") and one.strip('"') != "charset=utf-8"]
    if kind != "application/json" or charsets or headers.get("content-encoding", "identity").lower() != "identity":
        raise WrongMediaType("send JSON in UTF-8, with the header Content-Type: application/json")
    try:
        return read_json(content)
    except NotJson as err:
        raise WrongCall(str(err)) from err


def as_switch(text: str | None, name: str) -> bool:
    """A parameter that is on or off; raises WrongCall."""
    if text not in (None, "0", "1", "false", "true"):
        raise WrongCall(f"the query parameter {name!r} must be 1 or 0, not {text[:40]!r}")
    return text in ("1", "true")


def as_count(text: str | None, name: str, *, least: int = 0, most: int) -> int | None:
    """A parameter that is a whole number, None where it is left out; raises WrongCall."""
    if text is None:
        return None
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(most))
    if not is_number or not least <= int(text) <= most:
        raise WrongCall(f"the query parameter {name!r} must be a whole number from {least} to {most}")
    return int(text)
