"""Reads JSON, bounded: how many values there are, how deep they lie, and that all are text a file may have."""

import json
import re

from ozwald.config.problems import Problems, RefusedError
from ozwald.config.yaml_source import MAX_DEPTH
from ozwald.model.service import Origin

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
    if isinstance(value, str) and not value.isascii() and _HALF_CHARACTER.search(value):
        raise RefusedError(start, "has an escape for half a character, such as '\\ud800'")
    if isinstance(value, dict):
        return sum(_checked_size(part, start, depth - 1) for pair in value.items() for part in pair) + 1
    return sum(_checked_size(part, start, depth - 1) for part in value) + 1 if isinstance(value, list) else 1
