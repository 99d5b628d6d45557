"""What a user asks for, and the wanted set that follows from it and from what was wanted before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ozwald.errors import RequestError
from ozwald.model.host import Host
from ozwald.model.plan import InstanceKey
from ozwald.model.service import InstanceRequest
from ozwald.model.wanted import Leaving, WantedInstance, WantedSet
from ozwald.planning.nearest import unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Exactly:
    """These instances and no others."""

    requests: tuple[InstanceRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adding:
    """These instances, new or changed, and the others as they are."""

    requests: tuple[InstanceRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removing:
    """What is wanted already, without these."""

    keys: tuple[InstanceKey, ...]


@dataclass(frozen=True, slots=True)
class Same:
    """What is wanted already."""


Ask = Exactly | Adding | Removing | Same


def wanted_after(
    ask: Ask,
    stored: WantedSet | None,
    *,
    known: Mapping[str, Host],
    looked_at: Mapping[str, Host],
    last_generation: int = 0,
) -> WantedSet:
    """The set that is wanted once this was asked, still of the generation before.

    An instance keeps the place it had. `known` are the inventory's hosts, `looked_at` those that the request speaks
    of: of what was placed on the others it does not. Where there is no set, `last_generation` is that of a lost one.

    Raises:
        RequestError: nothing was ever asked for, one instance is asked for twice, or what is to be removed is not
            wanted, or not where the request may look.
    """
    if stored is None and isinstance(ask, Same | Removing):
        raise RequestError("nothing is wanted yet; say what: ozwald apply NAME[service][variety][profile]")
    before = stored or WantedSet(generation=last_generation)
    match ask:
        case Same():
            return before
        case Exactly(requests=requests):
            return _with(before, _outside(before, known, looked_at), requests)
        case Adding(requests=requests):
            return _with(before, before.instances, requests)
        case Removing(keys=keys):
            _check_removable(before, keys, known, looked_at)
            return _with(before, [one for one in before.instances if one.key not in keys], ())


def _with(before: WantedSet, kept: Iterable[WantedInstance], requests: Iterable[InstanceRequest]) -> WantedSet:
    placed = {one.key: one.placed_on for one in before.instances}
    asked = {one.key: one for one in kept}
    named: set[InstanceKey] = set()
    for request in requests:
        instance = WantedInstance(request=request)
        if instance.key in named:
            raise RequestError(f"instance {instance.key} is asked for twice; give each a name of its own")
        named.add(instance.key)
        asked[instance.key] = replace(instance, placed_on=placed.get(instance.key))
    leaving = {*before.leaving, *_places(before.instances)} - set(_places(asked.values()))
    instances = tuple(sorted(asked.values(), key=lambda one: one.key))
    return replace(before, instances=instances, leaving=tuple(sorted(leaving)))


def _places(instances: Iterable[WantedInstance]) -> list[Leaving]:
    return [Leaving(key=one.key, host=one.placed_on) for one in instances if one.placed_on is not None]


def _outside(before: WantedSet, known: Mapping[str, Host], looked_at: Mapping[str, Host]) -> list[WantedInstance]:
    """What was placed on hosts that are not looked at: a limited request does not speak of it."""
    return [one for one in before.instances if one.placed_on in known and one.placed_on not in looked_at]


def _check_removable(
    before: WantedSet, keys: Iterable[InstanceKey], known: Mapping[str, Host], looked_at: Mapping[str, Host]
) -> None:
    instances = {one.key: one for one in before.instances}
    outside = {one.key for one in _outside(before, known, looked_at)}
    for key in keys:
        if key not in instances:
            raise RequestError(unknown("wanted instance", str(key), map(str, instances)))
        if key in outside:
            raise RequestError(f"{key} is on {instances[key].placed_on}, which --limit leaves out; name it there, too")
