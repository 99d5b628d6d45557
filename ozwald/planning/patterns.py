"""Host patterns, as in Ansible: names, groups, globs, `a:b`, `a:&b`, `a:!b`, `all`."""

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from ipaddress import IPv6Address

from ozwald.errors import RequestError
from ozwald.model.host import Host, Inventory
from ozwald.planning.nearest import unknown

_SUBSCRIPT = re.compile(r"([^~].*)\[(?:(-?\d+)|(\d+)[:-](\d*))\]\Z")


def select(inventory: Inventory, pattern: str) -> tuple[Host, ...]:
    """The hosts that a pattern names, in the inventory's order.

    Plain terms are united first, then `&` terms intersect and `!` terms remove, whatever their order.

    Raises:
        RequestError: a term matches neither a host nor a group, or nothing is left.
    """
    chosen: set[str] = set()
    terms = _terms(pattern)
    for term in [term for term in terms if term[0] not in "&!"] or ["all"]:
        chosen |= _matches(inventory, term)
    for term in (term[1:] for term in terms if term[0] == "&"):
        chosen &= _matches(inventory, term)
    for term in (term[1:] for term in terms if term[0] == "!"):
        chosen -= _matches(inventory, term)
    if not chosen:
        raise RequestError(f"host pattern {pattern!r} leaves no host")
    return tuple(host for host in inventory.hosts.values() if host.name in chosen)


def _terms(pattern: str) -> list[str]:
    """Splits at commas, and at colons that are neither in brackets nor part of an IPv6 address."""
    terms = []
    for part in re.split(r"\s*,\s*", pattern.strip()):
        terms += [part] if _is_ipv6(part) else re.split(r":(?![^\[]*\])", part)
    terms = [term.strip() for term in terms if term.strip()]
    if not terms or any(term in ("&", "!") for term in terms):
        raise RequestError(f"host pattern {pattern!r} is empty; write a host, a group, a glob or 'all'")
    return terms


def _is_ipv6(text: str) -> bool:
    try:
        IPv6Address(text)
    except ValueError:
        return False
    return True


def _matches(inventory: Inventory, term: str) -> set[str]:
    if term in inventory.hosts:
        return {term}
    subscript = _SUBSCRIPT.match(term)
    return set(_slice(_named(inventory, subscript[1]), subscript) if subscript else _named(inventory, term))


def _named(inventory: Inventory, term: str) -> list[str]:
    """The hosts of the groups that a term names, in the groups' order, then those it names themselves."""
    if term in ("all", "*"):
        return list(inventory.hosts)
    matches = _matcher(term)
    groups = [group for group in inventory.groups if matches(group)]
    members = [name for group in groups for name in inventory.groups[group]]
    found = list(dict.fromkeys([*members, *(name for name in inventory.hosts if matches(name))]))
    if not found and term not in inventory.groups:
        raise RequestError(unknown("host or group", term, (*inventory.hosts, *inventory.groups)))
    return found


def _matcher(term: str) -> Callable[[str], object]:
    if not term.startswith("~"):
        return lambda name: fnmatchcase(name, term)
    try:
        return re.compile(term[1:]).match
    except re.error as err:
        raise RequestError(f"host pattern {term!r} is not a regular expression: {err}") from err


def _slice(names: list[str], subscript: re.Match[str]) -> list[str]:
    """One host by its place, the last is -1, or those from one place to another, both included."""
    _, index, start, end = subscript.groups()
    if index is None:
        return names[int(start) : int(end) + 1 if end else None]
    return names[int(index) :][:1] if -len(names) <= int(index) else []
