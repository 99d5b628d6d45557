"""What a user asks for, and the wanted set that follows from it and from what was wanted before."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ozwald.errors import RequestError
from ozwald.model.host import Host
from ozwald.model.plan import InstanceKey
from ozwald.model.request import InstanceRequest
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

CHANGE_SETTINGS: Final = (
    "change persistent-services in the settings, then: ozwald reload (without a controller: ozwald apply)"
)


def wanted_after(
    ask: Ask,
    stored: WantedSet | None,
    *,
    known: Mapping[str, Host],
    looked_at: Mapping[str, Host],
    persistent: Sequence[InstanceRequest] = (),
    last_generation: int = 0,
) -> WantedSet:
    """The set that is wanted once this was asked, still of the generation before.

    An instance keeps the place it had. `known` are the inventory's hosts, `looked_at` those that the request speaks
    of: of what was placed on the others it does not. What is `persistent` is always part of the set, and no longer
    when it is not any more. Where there is no set, `last_generation` is that of a lost one.

    Raises:
        RequestError: nothing was ever asked for, one instance is asked for twice, what is to be removed is not
            wanted, or not where the request may look, or another form of what is persistent is asked for.
    """
    begins = isinstance(ask, Same) and persistent and not last_generation
    if stored is None and isinstance(ask, Same | Removing) and not begins:
        raise RequestError("nothing is wanted yet; say what: ozwald apply NAME[service][variety][profile]")
    before = stored or WantedSet(generation=last_generation)
    match ask:
        case Same():
            after = _with(before, before.instances, (), persistent)
            return before if after.instances == before.instances else after
        case Exactly(requests=requests):
            return _with(before, _outside(before, known, looked_at), requests, persistent)
        case Adding(requests=requests):
            return _with(before, before.instances, requests, persistent)
        case Removing(keys=keys):
            _check_removable(before, keys, known, looked_at, persistent)
            return _with(before, [one for one in before.instances if one.key not in keys], (), persistent)


def persistent_of(wanted: WantedSet | None) -> tuple[InstanceRequest, ...]:
    """What is persistent in a set, for who does not know the settings that it was made with."""
    return tuple(one.request for one in wanted.instances if one.persistent) if wanted else ()


def _with(
    before: WantedSet,
    kept: Iterable[WantedInstance],
    requests: Iterable[InstanceRequest],
    persistent: Iterable[InstanceRequest],
) -> WantedSet:
    """What was persistent counts only where it still is."""
    placed = {one.key: one.placed_on for one in before.instances}
    always = {one.key: one for one in (WantedInstance(request=request, persistent=True) for request in persistent)}
    asked = {one.key: one for one in kept if not one.persistent}
    named: set[InstanceKey] = set()
    for request in requests:
        instance = WantedInstance(request=request)
        if instance.key in named:
            raise RequestError(f"instance {instance.key} is asked for twice; give each a name of its own")
        if instance.key in always and not _is_form_of(request, always[instance.key].request):
            raise RequestError(f"{instance.key} is persistent, and this is another form of it; {CHANGE_SETTINGS}")
        named.add(instance.key)
        asked[instance.key] = instance
    asked = {key: replace(one, placed_on=placed.get(key)) for key, one in (asked | always).items()}
    leaving = {*before.leaving, *_places(before.instances)} - set(_places(asked.values()))
    instances = tuple(sorted(asked.values(), key=lambda one: one.key))
    return replace(before, instances=instances, leaving=tuple(sorted(leaving)))


def _places(instances: Iterable[WantedInstance]) -> list[Leaving]:
    return [Leaving(key=one.key, host=one.placed_on) for one in instances if one.placed_on is not None]


def _outside(before: WantedSet, known: Mapping[str, Host], looked_at: Mapping[str, Host]) -> list[WantedInstance]:
    """What was placed on hosts that are not looked at: a limited request does not speak of it."""
    return [one for one in before.instances if one.placed_on in known and one.placed_on not in looked_at]


def _is_form_of(request: InstanceRequest, persistent: InstanceRequest) -> bool:
    """Whether it asks for the same, or leaves open what the settings say."""
    pairs = [(getattr(request, name), getattr(persistent, name)) for name in ("service", "variety", "profile", "host")]
    return all(asked is None or asked == said for asked, said in pairs)


def _check_removable(
    before: WantedSet,
    keys: Iterable[InstanceKey],
    known: Mapping[str, Host],
    looked_at: Mapping[str, Host],
    persistent: Iterable[InstanceRequest],
) -> None:
    always = {InstanceKey(realm=one.realm, name=one.name) for one in persistent}
    instances = {one.key: one for one in before.instances}
    outside = {one.key for one in _outside(before, known, looked_at)}
    for key in keys:
        if key in always:
            raise RequestError(f"{key} is persistent and stays; {CHANGE_SETTINGS}")
        if key not in instances:
            raise RequestError(unknown("wanted instance", str(key), map(str, instances)))
        if key in outside:
            raise RequestError(f"{key} is on {instances[key].placed_on}, which --limit leaves out; name it there, too")
