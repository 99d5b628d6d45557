"""Host patterns of Ansible's inventories: ranges such as `gpu[01:16]`, and ports behind a name."""

import re
import string
from ipaddress import AddressValueError, IPv6Address
from itertools import product
from math import prod

# More hosts than this from one pattern are a mistake, or meant to fill the memory.
MAX_HOSTS = 4_000
MAX_NAME = 255

_RANGE = r"\[(?:[a-z]:[a-z]|[0-9]+:[0-9]+)(?::[0-9]+)?\]"
_LABEL = rf"(?:\w|{_RANGE})(?:[\w-]|{_RANGE})*(?<![_-])"
_HOST_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.IGNORECASE)
_IPV6_RANGE = re.compile(r"(?<![0-9a-f])\[[0-9a-f]+:[0-9a-f]+(?::[0-9]+)?\](?![0-9a-f])", re.IGNORECASE)
_WITH_PORT = (
    re.compile(r"\[(?P<host>.+)\]:(?P<port>[0-9]{1,9})"),
    re.compile(r"(?P<host>(?:[^:\[\]]|\[[^\]]*\])*):(?P<port>[0-9]{1,9})"),
)
_LETTERS = string.ascii_letters


class PatternError(Exception):
    """A host pattern cannot be read; str() is the sentence."""


def expand(pattern: str) -> tuple[list[str], int | None]:
    """The host names of a pattern and the port behind it, if there is one; raises PatternError."""
    name, port = _split_port(pattern)
    check_host_name(name)
    parts = _parts(name)
    if prod(map(len, parts)) > MAX_HOSTS:
        raise PatternError(f"one pattern makes more than {MAX_HOSTS} hosts")
    return ["".join(chosen) for chosen in product(*parts)], port


def check_host_name(name: str) -> None:
    """Any printable text may be the name of a host; raises PatternError."""
    if not name:
        raise PatternError("a host without a name")
    if len(name) > MAX_NAME:
        raise PatternError(f"a host's name has at most {MAX_NAME} characters")
    if not name.isprintable():
        raise PatternError("a host's name has a character that cannot be printed")


def is_address(text: str) -> bool:
    """Whether a text is one host name or address, perhaps with ranges or a port, whose colons separate nothing."""
    return len(text) <= 2 * MAX_NAME and _is_host(_split(text)[0])


def _split_port(pattern: str) -> tuple[str, int | None]:
    """A name that cannot be one keeps its colon, as in Ansible."""
    name, port = _split(pattern)
    return (name, port) if _is_host(name) else (pattern, None)


def _split(pattern: str) -> tuple[str, int | None]:
    name, port = pattern, None
    for with_port in _WITH_PORT:
        match = with_port.fullmatch(name)
        if match:
            name, port = match["host"], int(match["port"])
    return name, port


def _is_host(name: str) -> bool:
    if _HOST_NAME.fullmatch(name):
        return True
    try:
        return "%" not in name and bool(IPv6Address(_IPV6_RANGE.sub("0", name)))
    except AddressValueError:
        return False


def _parts(name: str) -> list[list[str]]:
    """The texts between the ranges, each alone, and what each range stands for."""
    head, opened, rest = name.partition("[")
    parts = [[head]]
    while opened:
        written, closed, rest = rest.partition("]")
        parts.append(_range(written if closed else ""))
        head, opened, rest = rest.partition("[")
        parts.append([head])
    return parts


def _range(written: str) -> list[str]:
    bounds = written.split(":")
    if len(bounds) not in (2, 3) or not bounds[1]:
        raise PatternError("a range has the form [begin:end] or [begin:end:step]")
    step = bounds[2] if len(bounds) == 3 else "1"
    if not re.fullmatch("[0-9]{1,9}", step) or not int(step):
        raise PatternError("the step of a range is a whole number from 1")
    return _sequence(bounds[0] or "0", bounds[1], int(step))


def _sequence(begin: str, end: str, step: int) -> list[str]:
    if len(begin) == len(end) == 1 and begin in _LETTERS and end in _LETTERS:
        first, last = _LETTERS.index(begin), _LETTERS.index(end)
        if first > last:
            raise PatternError("a range begins with the lower letter")
        return list(_LETTERS[first : last + 1 : step])
    if not re.fullmatch("[0-9]{1,18}", begin) or not re.fullmatch("[0-9]{1,18}", end):
        raise PatternError("the ends of a range are numbers, or one letter each")
    padded = begin[0] == "0" and len(begin) > 1
    if padded and len(begin) != len(end):
        raise PatternError("both ends of a range with leading zeros have the same length")
    numbers = range(int(begin), int(end) + 1, step)
    if len(numbers) > MAX_HOSTS:
        raise PatternError(f"one pattern makes more than {MAX_HOSTS} hosts")
    return [str(number).zfill(len(begin) if padded else 0) for number in numbers]
