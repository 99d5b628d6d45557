"""Reads JSON bodies that may be hostile: bounded, without duplicate keys, NaN or depth."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

MOST_BYTES: Final = 1024 * 1024
MOST_DEPTH: Final = 20


class NotJson(ValueError):
    """The body is no JSON that is taken here; the text says why."""


def read_json(body: bytes) -> Any:
    """The value of a JSON text in UTF-8.

    Raises:
        NotJson: it is none, is nested too deeply, names a key twice, or has a number that JSON has not.
    """
    if _depth(body) > MOST_DEPTH:
        raise NotJson(f"the body is nested more than {MOST_DEPTH} deep")
    try:
        found = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_constant=_refuse,
            parse_int=_integer,
            parse_float=_fraction,
        )
        if b"\\u" in body:
            json.dumps(found, ensure_ascii=False).encode("utf-8")
    except NotJson:
        raise
    except UnicodeError as err:
        raise NotJson("the body is not JSON: a text in it is not Unicode") from err
    except (ValueError, RecursionError) as err:
        raise NotJson(f"the body is not JSON: {err}") from err
    return found


def _depth(body: bytes) -> int:
    """The deepest nesting there can be; brackets in texts count too, which no honest body notices."""
    deepest = depth = 0
    for character in body:
        if character in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in b"]}":
            depth -= 1
    return deepest


def _unique(pairs: Sequence[tuple[str, Any]]) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise NotJson(f"the key {key[:40]!r} is there twice")
        found[key] = value
    return found


def _refuse(name: str) -> Any:
    raise NotJson(f"{name} is not JSON")


def _integer(text: str) -> int:
    if len(text) > 20:
        raise NotJson("a number has too many digits")
    return int(text)


def _fraction(text: str) -> float:
    found = float(text)
    if not math.isfinite(found):
        raise NotJson(f"the number {text[:40]} is too large")
    return found
