"""Sizes and durations as Compose writes them."""

import re
from decimal import Decimal

_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_SIZE = re.compile(rf"({_NUMBER}(?:[eE][-+]?[0-9]{{1,2}})?) ?(?:([kKmMgGtTpP])[iI]?)?[bB]?")
_EXPONENTS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}
_DURATION = re.compile(rf"(?:{_NUMBER}(?:ns|us|µs|μs|ms|s|m|h|d|w))+")
_DURATION_PART = re.compile(rf"({_NUMBER})([a-zµμ]+)")
_NANOSECONDS = {
    "ns": 1,
    **dict.fromkeys(("us", "µs", "μs"), 10**3),
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
    "w": 7 * 86400 * 10**9,
}
_PLAIN_NUMBER = re.compile(_NUMBER)

# The engine keeps sizes and times as signed 64-bit numbers (of bytes, of nanoseconds).
_LARGEST = 2**63 - 1


def size_bytes(text: str) -> int:
    """Bytes of `512m`, `1.5gb`, `2GiB` or a plain number, in units of 1024; raises ValueError."""
    match = _SIZE.fullmatch(text)
    if not match or len(text) > 40:
        raise ValueError("is not a size; write for example 512m, 1.5gb or a number of bytes")
    size = int(Decimal(match[1]) * 1024 ** _EXPONENTS[(match[2] or "").lower()])
    if size > _LARGEST:
        raise ValueError("is a size too large for any machine")
    return size


def duration_s(text: str) -> float:
    """Seconds of `1m30s`, `500ms` or a plain number of seconds; raises ValueError."""
    if len(text) <= 80 and _PLAIN_NUMBER.fullmatch(text):
        nanoseconds = Decimal(text) * 10**9
    elif len(text) <= 80 and _DURATION.fullmatch(text):
        parts = _DURATION_PART.findall(text)
        nanoseconds = sum((Decimal(number) * _NANOSECONDS[unit] for number, unit in parts), Decimal(0))
    else:
        raise ValueError("is not a duration; write for example 90s, 1m30s or 500ms")
    if nanoseconds > _LARGEST:
        raise ValueError("is a duration too long to count")
    return int(nanoseconds) / 10**9
