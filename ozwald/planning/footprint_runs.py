"""Decides which runs a request for footprints means."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ozwald.errors import RequestError
from ozwald.model.footprint import Combination, Run
from ozwald.model.realm import Realm, ServiceDefinition
from ozwald.planning.names import check_choice, find_definition, find_realm
from ozwald.planning.resolve import layers, merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A definition that is to be measured; every variety and profile that it has where None."""

    definition: ServiceDefinition
    variety: str | None = None
    profile: str | None = None


def complete_choice(
    realms: Mapping[str, Realm],
    *,
    service_name: str,
    realm: str | None = None,
    variety: str | None = None,
    profile: str | None = None,
) -> Choice:
    """A choice that is given in its parts.

    Raises:
        RequestError: a part names nothing known, or no container.
    """
    definition = find_definition(service_name, find_realm(realm, realms))
    check_choice(definition, variety=variety, profile=profile)
    return Choice(definition=definition, variety=variety, profile=profile)


def all_choices(realms: Mapping[str, Realm]) -> list[Choice]:
    """Every definition of a container, but those that are unfinished: no form of them has an image."""
    containers = (one for realm in realms.values() for one in realm.definitions.values() if one.type == "container")
    choices = [Choice(definition=one) for one in containers]
    return [choice for choice in choices if any(_has_image(choice, run) for run in _combinations(choice))]


def runs_of(choices: Sequence[Choice]) -> tuple[Run, ...]:
    """One run for each combination, each once; on which cards is decided once the hosts are looked at.

    Raises:
        RequestError: there is nothing to measure.
    """
    runs: dict[Combination, Run] = {}
    for choice in choices:
        for run in _combinations(choice):
            known = runs.get(run.combination)
            runs[run.combination] = run if known is None or known.if_possible else known
    if not runs:
        raise RequestError("there is nothing to measure: the settings define no container with an image")
    return tuple(runs.values())


def _combinations(choice: Choice) -> Iterator[Run]:
    definition = choice.definition
    varieties: Sequence[str | None] = (choice.variety,) if choice.variety else (*definition.varieties,) or (None,)
    profiles: Sequence[str | None] = (choice.profile,) if choice.profile else (*definition.profiles,) or (None,)
    for variety in varieties:
        for profile in profiles:
            combination = Combination(realm=definition.realm, service=definition.name, variety=variety, profile=profile)
            yield Run(combination=combination, if_possible=choice.variety is None and len(varieties) > 1)


def _has_image(choice: Choice, run: Run) -> bool:
    stack = layers(choice.definition, variety=run.combination.variety, profile=run.combination.profile)
    return bool(merge(stack).get("image"))
