"""Reads JSON, bounded: how many values there are, how deep they lie, and that all are text a file may have."""

import json
import re
from collections.abc import Iterable

from ozwald.config.problems import Problems, RefusedError
from ozwald.config.yaml_source import MAX_DEPTH
from ozwald.model.realm import Origin

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def json_value(text: str, file: str, problems: Problems) -> object:
    """The value of a JSON text; raises RefusedError."""
    start = Origin(file=file, line=1, column=1)
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise RefusedError(start, "is not valid JSON") from err
    problems.spend(_checked_size(value, start, MAX_DEPTH), start)
    return value


def _checked_size(value: object, start: Origin, depth: int) -> int:
    """How many values there are; raises RefusedError for what is too deep or has half a character."""
    if not depth:
        raise RefusedError(start, f"nested deeper than {MAX_DEPTH} levels")
    if isinstance(value, dict):
        _check_texts(value, start)
        return 1 + sum(_checked_size(part, start, depth - 1) for part in value.values())
    if isinstance(value, list):
        return 1 + sum(_checked_size(part, start, depth - 1) for part in value)
    if isinstance(value, str):
        _check_texts((value,), start)
    return 1


def _check_texts(texts: Iterable[str], start: Origin) -> None:
    if any(not text.isascii() and _HALF_CHARACTER.search(text) for text in texts):
        raise RefusedError(start, "has an escape for half a character, such as '\\ud800'")
