"""Host patterns, as in Ansible: names, groups, globs, `a:b`, `a:&b`, `a:!b`, `all`."""

import re
from collections.abc import Callable, Iterable
from fnmatch import translate
from math import comb
from typing import Final

from ozwald.config.ansible.names import is_address
from ozwald.errors import RequestError
from ozwald.model.host import Host, Inventory
from ozwald.planning.nearest import shortened, unknown

_TERM = re.compile(r"(?:[^\s:\[\]]|\[[^\]]*\])+")
_SUBSCRIPT = re.compile(r"([^~].*)\[(?:(-?[0-9]{1,9})|([0-9]{1,9})[:-]([0-9]{0,9}))\]", re.DOTALL)
_GLOB = frozenset(".?*[")
NO_HOSTS: Final = "there are no hosts; add them to the settings (hosts:) or to inventory/*.yml"
# What is not a host's own name is compared with every host and group.
_MOST_TERMS = 100
# A second has a hundred million steps of a regular expression.
_MOST_STEPS = 10_000_000
_LONGEST_TERM = 1_000
_NO_OPERATOR = re.compile(r"\\.|\[\^?\]?[^\]]*\]|(?<=\()\?|(?<=[*+?}])[?+]", re.DOTALL)
_LOCAL_NAMES = ("127.0.0.1", "localhost", "::1")


def select(inventory: Inventory, pattern: str) -> tuple[Host, ...]:
    """The hosts that a pattern names, in the order of its terms and, within each, of the group or inventory.

    Plain terms are united first, then `&` terms intersect and `!` terms remove, whatever their order.

    Raises:
        RequestError: a term matches neither a host nor a group, or nothing is left.
    """
    chosen: dict[str, None] = {}
    terms = _terms(pattern)
    compared = [term for term in terms if term not in inventory.hosts]
    if len(compared) > _MOST_TERMS or any(len(term) > _LONGEST_TERM for term in compared):
        limits = f"{_MOST_TERMS} terms that name no host, or one of more than {_LONGEST_TERM} characters"
        raise RequestError(f"host pattern {shortened(pattern)!r} has more than {limits}")
    plain = [term for term in terms if term[0] not in "&!"] or ["all"]
    for term in (*plain, *(term for sign in "&!" for term in terms if term[0] == sign)):
        chosen = _applied(term, chosen, inventory)
    if not chosen:
        advice = "" if inventory.hosts else f": {NO_HOSTS}"
        raise RequestError(f"host pattern {shortened(pattern)!r} leaves no host{advice}")
    return tuple(inventory.hosts[name] for name in chosen)


def _terms(pattern: str) -> list[str]:
    """Splits at commas; where there are none, at white space and at colons outside of brackets and addresses."""
    if "," in pattern:
        parts = pattern.split(",")
    elif is_address(pattern):
        parts = [pattern]
    elif pattern.rfind("[") > pattern.rfind("]") or re.search(r"[\[\]]", _TERM.sub("", pattern)):
        raise RequestError(f"host pattern {shortened(pattern)!r} has a bracket without its other half")
    else:
        parts = _TERM.findall(pattern)
    terms = [part.strip() for part in parts if part.strip()]
    if not terms or any(term in ("&", "!") for term in terms):
        raise RequestError(f"host pattern {shortened(pattern)!r} is empty; write a host, a group, a glob or 'all'")
    return terms


def _applied(term: str, chosen: dict[str, None], inventory: Inventory) -> dict[str, None]:
    """The hosts chosen so far, more or fewer by one term."""
    if term in inventory.hosts:
        chosen[term] = None
        return chosen
    names = _matches(inventory, term[1:] if term[0] in "&!" else term)
    if term[0] == "&":
        return {name: None for name in chosen if name in names}
    if term[0] == "!":
        return {name: None for name in chosen if name not in names}
    return chosen | names


def _matches(inventory: Inventory, term: str) -> dict[str, None]:
    subscript = _SUBSCRIPT.fullmatch(term)
    names = _named(inventory, subscript[1] if subscript else term)
    return dict.fromkeys(_slice(names, subscript) if names and subscript else names)


def _named(inventory: Inventory, term: str) -> list[str]:
    """The hosts of the groups that a term names, then, for a glob or where there is no such group, the hosts.

    A host may stand there twice, and counts twice behind a glob with a subscript.
    """
    members = {"all": tuple(inventory.hosts), **inventory.groups}
    matches = _matcher(term, (*inventory.hosts, *members))
    groups = [group for group in members if matches(group)]
    names = [name for group in groups for name in members[group]]
    if not groups or term[0] == "~" or _GLOB.intersection(term):
        names += [name for name in inventory.hosts if matches(name)]
    if not names and term in _LOCAL_NAMES:
        names = [name for name in inventory.hosts if name in _LOCAL_NAMES][:1]
    if not names and not groups:
        hint = "; to manage this machine, add it to the inventory" if term in _LOCAL_NAMES else ""
        raise RequestError(unknown("host or group", term, (*inventory.hosts, *members)) + hint)
    return names


def _matcher(term: str, names: Iterable[str]) -> Callable[[str], object]:
    try:
        if term[0] != "~":
            return re.compile(translate(term)).match
        _check_steps(term, names)
        return re.compile(term[1:]).match
    except (re.error, OverflowError, RecursionError) as err:
        raise RequestError(f"host pattern {shortened(term)!r} is not a regular expression: {err}") from err


def _check_steps(term: str, names: Iterable[str]) -> None:
    """Refuses an expression that could try more ways to match these names than there is time for.

    Counted are the ways to share a name's letters between the repeats, to take or leave what is optional, and
    to choose between alternatives. A group that is repeated has no such bound.
    """
    operators = _NO_OPERATOR.sub("", term[1:])
    groups, optional, alternatives, repeats = (
        len(re.findall(kind, operators)) for kind in (r"\(", r"\?", r"\|", "[*+{]")
    )
    choices = 2**optional * (alternatives // (groups + 1) + 1) ** (groups + 1)
    steps = choices * sum(comb(len(name) + repeats, repeats) for name in names)
    if re.search(r"\)[*+{]", operators) or steps > _MOST_STEPS:
        way_out = "repeat no group, and use fewer '*', '+', '?' and '|'"
        raise RequestError(f"host pattern {shortened(term)!r} could take too long; {way_out}")


def _slice(names: list[str], subscript: re.Match[str]) -> list[str]:
    """One host by its place, the last is -1, or those from one place to another, both included."""
    _, index, start, end = subscript.groups()
    if index is None and (not end or int(end)):
        return names[int(start) : int(end) + 1 if end else None]
    try:
        return [names[int(index or start)]]
    except IndexError:
        raise RequestError(f"host pattern {subscript[0]!r} counts further than its {len(names)} hosts") from None
