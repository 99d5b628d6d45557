"""Host patterns, as in Ansible: names, groups, globs, `a:b`, `a:&b`, `a:!b`, `all`."""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from ozwald.errors import RequestError
from ozwald.model.host import Host, Inventory
from ozwald.planning.nearest import unknown

_SUBSCRIPT = re.compile(r"^(.+)\[(-?\d+)(?:([:-])(-?\d+)?)?\]$")


def select(inventory: Inventory, pattern: str) -> tuple[Host, ...]:
    """The hosts that a pattern names, in the inventory's order.

    Plain terms are united first, then `&` terms intersect and `!` terms remove, whatever their order.

    Raises:
        RequestError: a term matches neither a host nor a group, or nothing is left.
    """
    chosen: set[str] = set()
    terms = _terms(pattern)
    for term in (term for term in terms if term[0] not in "&!") if _has_plain(terms) else ("all",):
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
        is_ipv6 = re.fullmatch(r"[0-9A-Fa-f:]+", part) and part.count(":") > 1 and ":&" not in part
        terms += [part] if is_ipv6 else re.split(r":(?![^\[]*\])", part)
    terms = [term.strip() for term in terms if term.strip()]
    if not terms or any(term in ("&", "!") for term in terms):
        raise RequestError(f"host pattern {pattern!r} is empty; write a host, a group, a glob or 'all'")
    return terms


def _has_plain(terms: Iterable[str]) -> bool:
    return any(term[0] not in "&!" for term in terms)


def _matches(inventory: Inventory, term: str) -> set[str]:
    if term in inventory.hosts:
        return {term}
    subscript = _SUBSCRIPT.match(term)
    if subscript and not _named(inventory, term):
        ordered = [name for name in inventory.hosts if name in _matches(inventory, subscript[1])]
        return set(_slice(ordered, subscript))
    found = _named(inventory, term)
    if not found and term not in ("all", *inventory.groups):
        raise RequestError(unknown("host or group", term, (*inventory.hosts, *inventory.groups)))
    return found


def _named(inventory: Inventory, term: str) -> set[str]:
    if term in ("all", "*"):
        return set(inventory.hosts)
    matches = re.compile(term[1:]).match if term.startswith("~") else lambda name: fnmatchcase(name, term)
    found = {name for name in inventory.hosts if matches(name)}
    for group, members in inventory.groups.items():
        if matches(group):
            found.update(members)
    return found


def _slice(names: list[str], subscript: re.Match[str]) -> list[str]:
    start, separator, end = int(subscript[2]), subscript[3], subscript[4]
    if separator is None:
        return names[start:][:1]
    return names[start:] if end is None else names[start : int(end) + 1]
