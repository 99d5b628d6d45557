"""Sizes and durations as Compose writes them."""

import math
import re

_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(?:([kKmMgGtTpP])[iI]?)?[bB]?")
_EXPONENTS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_DURATION_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(us|µs|ms|s|m|h|d)")
_SECONDS = {"us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PLAIN_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")

# The engine keeps sizes and times as signed 64-bit numbers (of bytes, of nanoseconds).
_LARGEST = 2**63 - 1
_LONGEST_S = _LARGEST / 1e9


def size_bytes(text: str) -> int:
    """Bytes of `512m`, `1.5gb`, `2GiB` or a plain number, in units of 1024; raises ValueError."""
    match = _SIZE.fullmatch(text)
    if not match or len(text) > 40:
        raise ValueError("is not a size; write for example 512m, 1.5gb or a number of bytes")
    number, unit = match[1], (match[2] or "").lower()
    factor = 1024 ** _EXPONENTS[unit]
    size = int(float(number) * factor) if "." in number else int(number) * factor
    if size > _LARGEST:
        raise ValueError("is a size too large for any machine")
    return size


def duration_s(text: str) -> float:
    """Seconds of `1m30s`, `500ms` or a plain number of seconds; raises ValueError."""
    parts = _DURATION_PART.findall(text) if len(text) <= 80 else []
    if _PLAIN_NUMBER.fullmatch(text) and len(text) <= 80:
        seconds = float(text)
    elif parts and "".join(number + unit for number, unit in parts) == text:
        seconds = math.fsum(float(number) * _SECONDS[unit] for number, unit in parts)
    else:
        raise ValueError("is not a duration; write for example 90s, 1m30s or 500ms")
    if seconds > _LONGEST_S:
        raise ValueError("is a duration too long to count")
    return seconds
