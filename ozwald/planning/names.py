"""How services are named on the command line: `[REALM:]NAME[service][variety][profile]@HOSTS`."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ozwald.errors import RequestError
from ozwald.model.plan import InstanceKey
from ozwald.model.realm import Realm, ServiceDefinition
from ozwald.model.request import InstanceRequest
from ozwald.planning.nearest import shortened, unknown

_SPEC = re.compile(r"(?:(?P<realm>[^:\[\]@]*):)?(?P<name>[^:\[\]@]+)(?P<words>(?:\[[^\[\]]*\])*)(?:@(?P<host>.+))?")
_LISTED = re.compile(r"(?:\[[^\[\]]*\]|[^\s,])+")
_NAME = re.compile(r"(?!.*--)[A-Za-z0-9][A-Za-z0-9._-]{0,62}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A spec taken apart, nothing looked up yet."""

    realm: str | None
    name: str
    brackets: tuple[str, ...]
    host: str | None


def split_specs(arguments: Sequence[str]) -> list[str]:
    """Splits what the user gave at spaces and commas; several hosts in one pattern are joined by `:`."""
    return [spec for argument in arguments for spec in _LISTED.findall(argument)]


def parse_instance(text: str, realms: Mapping[str, Realm]) -> InstanceRequest:
    """Reads an instance spec and looks its words up.

    Raises:
        RequestError: the form is wrong, or a word names nothing known.
    """
    words = _split(text)
    if len(words.brackets) > 3:
        raise RequestError(
            f"{shortened(text)!r} has too many brackets; the form is NAME[service][variety][profile]@HOSTS"
        )
    check_name("instance", words.name)
    realm = find_realm(words.realm, realms)
    service = words.brackets[0] if words.brackets and words.brackets[0] else words.name
    definition = find_definition(service, realm, bracketed=bool(words.brackets))
    variety, profile = _variety_and_profile(words.brackets[1:], definition, text)
    return InstanceRequest(
        realm=realm.name,
        name=words.name,
        service=definition.name,
        variety=variety,
        profile=profile,
        host=words.host,
    )


def parse_definition(text: str, realms: Mapping[str, Realm]) -> tuple[ServiceDefinition, str | None, str | None]:
    """Reads `[REALM:]service[profile][variety]`: the definition, and the variety and profile that were said.

    Raises:
        RequestError: the form is wrong, or a word names nothing known.
    """
    words = _split(text)
    if len(words.brackets) > 2 or words.host:
        raise RequestError(f"{shortened(text)!r} is not a definition; the form is [REALM:]service[profile][variety]")
    realm = find_realm(words.realm, realms)
    if words.name not in realm.definitions:
        where = f" in realm {realm.name!r}"
        raise RequestError(unknown("service", words.name, realm.definitions, where=where))
    definition = realm.definitions[words.name]
    variety, profile = _variety_and_profile(words.brackets, definition, text)
    return definition, variety, profile


def complete_request(
    realms: Mapping[str, Realm],
    *,
    name: str,
    service: str | None = None,
    realm: str | None = None,
    variety: str | None = None,
    profile: str | None = None,
    host: str | None = None,
) -> InstanceRequest:
    """An instance that is given in its parts, with what was left out filled in.

    Raises:
        RequestError: a part names nothing known.
    """
    check_name("instance", name)
    home = find_realm(realm, realms)
    definition = find_definition(service or name, home)
    check_choice(definition, variety=variety, profile=profile)
    return InstanceRequest(
        realm=home.name, name=name, service=definition.name, variety=variety, profile=profile, host=host
    )


def parse_key(text: str, realms: Mapping[str, Realm]) -> InstanceKey:
    """Reads which instance is meant, whether or not the settings still define its service.

    Raises:
        RequestError: the form is wrong, it is no name for an instance, or the realm is not known.
    """
    words = _split(text)
    check_name("instance", words.name)
    return InstanceKey(realm=find_realm(words.realm, realms).name, name=words.name)


def check_name(kind: str, name: str) -> None:
    """Holds a name to the one rule for all names.

    Raises:
        RequestError: it breaks the rule.
    """
    if not _NAME.match(name):
        raise RequestError(
            f"{kind} name {shortened(name)!r} must be 1 to 63 letters, digits, '.', '_' or '-', "
            "start with a letter or digit and not contain '--'"
        )


def find_definition(service: str, realm: Realm, *, bracketed: bool = True) -> ServiceDefinition:
    """The definition of that name.

    Raises:
        RequestError: there is none, or it is declared data and not a container.
    """
    definition = realm.definitions.get(service)
    if definition is None:
        message = unknown("service", service, realm.definitions, where=f" in realm {realm.name!r}")
        hint = "" if bracketed else f"; an instance with a name of its own is written {service}[SERVICE]"
        raise RequestError(message + hint)
    if definition.type != "container":
        raise RequestError(f"{service!r} is declared as {definition.type!r}; only containers can be started")
    return definition


def check_choice(definition: ServiceDefinition, *, variety: str | None, profile: str | None) -> None:
    """Checks that the definition has the variety and profile that were asked for.

    Raises:
        RequestError: it has not.
    """
    if variety is not None and variety not in definition.varieties:
        raise RequestError(unknown("variety", variety, definition.varieties, where=f" in service {definition.name!r}"))
    if profile is not None and profile not in definition.profiles:
        raise RequestError(unknown("profile", profile, definition.profiles, where=f" in service {definition.name!r}"))


def find_realm(name: str | None, realms: Mapping[str, Realm]) -> Realm:
    """The realm of that name; without one, `default` or the only one.

    Raises:
        RequestError: there is none, or it has to be said which.
    """
    if name is None:
        if "default" in realms:
            return realms["default"]
        if len(realms) == 1:
            return next(iter(realms.values()))
        raise RequestError(f"say which realm: REALM:NAME, with one of {', '.join(sorted(realms)) or '(none defined)'}")
    if name not in realms:
        raise RequestError(unknown("realm", name, realms))
    return realms[name]


def _split(text: str) -> Words:
    match = _SPEC.fullmatch(text.strip())
    if match is None:
        raise RequestError(
            f"{shortened(text)!r} is not a service; the form is [REALM:]NAME[service][variety][profile]@HOSTS"
        )
    brackets = tuple(word.strip() for word in re.findall(r"\[([^\[\]]*)\]", match["words"]))
    return Words(realm=match["realm"], name=match["name"], brackets=brackets, host=match["host"])


def _variety_and_profile(
    brackets: Sequence[str], definition: ServiceDefinition, text: str
) -> tuple[str | None, str | None]:
    """Settles which word is the variety and which the profile: either order, `[]` skips."""
    said = [word for word in brackets if word]
    for word in said:
        if word not in definition.varieties and word not in definition.profiles:
            known = (*definition.varieties, *definition.profiles)
            raise RequestError(unknown("variety or profile", word, known, where=f" in service {definition.name!r}"))
    first, second = (*said, None, None)[:2]
    readings = [
        (variety, profile)
        for variety, profile in {(first, second), (second, first)}
        if (variety is None or variety in definition.varieties) and (profile is None or profile in definition.profiles)
    ]
    if len(readings) == 2 and len(brackets) == 2:
        readings = [(brackets[0] or None, brackets[1] or None)]
    if not readings:
        kind = "varieties" if first in definition.varieties else "profiles"
        raise RequestError(f"{shortened(text)!r} names two {kind}; give one variety and one profile")
    if len(readings) > 1:
        raise RequestError(
            f"{first!r} is both a variety and a profile of {definition.name!r}; "
            f"write [{first}][] for the variety or [][{first}] for the profile"
        )
    return readings[0]
