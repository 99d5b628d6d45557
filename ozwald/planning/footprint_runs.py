"""Decides which runs a request for footprints means, and where one of them can be measured now."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ozwald.errors import RequestError
from ozwald.model.footprint import Combination, FootprintRequest, Run, RunStatus
from ozwald.model.observation import Observation
from ozwald.model.plan import Placement
from ozwald.model.realm import Realm, ServiceDefinition
from ozwald.model.request import InstanceRequest
from ozwald.model.resources import Hardware
from ozwald.model.service import ServiceSpec
from ozwald.planning.names import check_choice, find_definition, find_realm
from ozwald.planning.patterns import select
from ozwald.planning.placement import Unplaced, place_beside
from ozwald.planning.resolve import hardware_of, layers, merge
from ozwald.planning.situation import Situation

NO_HARDWARE: Final = "no host that was asked for has {hardware} hardware"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A definition that is to be measured; every variety and profile that it has where None."""

    definition: ServiceDefinition
    variety: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRoom:
    """Why a run cannot begin now.

    `is_final` when no host can ever carry it, `needs_silent` when only one could that does not answer.
    """

    reason: str
    is_final: bool = False
    needs_silent: bool = False


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
        raise RequestError("there is nothing to measure: the settings define no service that is a container")
    return tuple(runs.values())


def on_hardware(request: FootprintRequest, realms: Mapping[str, Realm], situation: Situation) -> FootprintRequest:
    """The request with a run for each model of card that its hosts have; those without any have ended."""
    try:
        hosts = _hosts(request.hosts, situation)
    except RequestError as error:  # they may be gone from the inventory since it was asked for
        return _failed(request, str(error))
    runs = (one for run in request.runs for one in _on_each_card(run, realms, situation, hosts))
    return replace(request, runs=tuple(runs), is_spread=True)


def place_run(
    run: Run,
    realms: Mapping[str, Realm],
    situation: Situation,
    *,
    run_id: str,
    hosts: str | None,
    busy: Mapping[str, str],
) -> Placement | NoRoom:
    """Where a run can begin now, beside all that is there; `busy` says what is measured on a host already.

    Raises:
        RequestError: the settings do not know any more what is to be measured, or it lacks what a start needs.
    """
    chosen = _hosts(hosts, situation)
    seen = _narrowed(situation, _with_card(chosen, situation, run.card) or chosen, run.card)
    free = _without(seen, busy)
    request = _request(run, run_id)
    placed = place_beside(request, realms, free, adapt=_apart)
    if isinstance(placed, Placement):
        return placed
    if isinstance(ever := place_beside(request, realms, _emptied(seen), adapt=_apart), Unplaced):
        return _lack(ever, seen)
    waits = [f"{host}: measures {what}" for host, what in busy.items() if host in seen.hosts]
    return NoRoom(reason="; ".join([*waits, *([placed.reason] if free.hosts else [])]))


def _lack(ever: Unplaced, seen: Situation) -> NoRoom:
    """Why a run fits not even on empty hosts; raises RequestError where that is not for want of room."""
    if not ever.fits_nowhere and not seen.unreachable:
        raise RequestError(ever.reason)
    return NoRoom(reason=ever.reason, is_final=ever.fits_nowhere, needs_silent=bool(seen.unreachable))


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


def _hosts(pattern: str | None, situation: Situation) -> frozenset[str]:
    chosen = {host.name for host in select(situation.inventory, pattern or "all")}
    return frozenset(chosen & situation.hosts.keys())


def _failed(request: FootprintRequest, reason: str) -> FootprintRequest:
    """The request with nothing that could still begin."""
    runs = (
        replace(run, status=RunStatus.FAILED, reason=reason) if run.status is RunStatus.QUEUED else run
        for run in request.runs
    )
    return replace(request, runs=tuple(runs), is_spread=True)


def _with_card(hosts: frozenset[str], situation: Situation, card: str | None) -> frozenset[str]:
    """Those that have the card, or may have it; all where none is needed."""
    without = {
        name
        for name, seen in situation.observations.items()
        if card is not None and all(one.name != card for one in seen.resources.gpus)
    }
    return hosts - without


def _on_each_card(run: Run, realms: Mapping[str, Realm], situation: Situation, hosts: frozenset[str]) -> Iterator[Run]:
    if run.status.is_end:
        yield run
        return
    try:
        hardware = _hardware(run, realms)
    except RequestError as error:
        yield replace(run, status=RunStatus.FAILED, reason=str(error))
        return
    if hardware is Hardware.CPU_ONLY:
        yield run
        return
    models = {
        card.name
        for host in hosts & situation.observations.keys()
        for card in situation.observations[host].resources.cards(hardware)
        if card.refusal is None
    }
    yield from (replace(run, card=model) for model in sorted(models))
    silent = {host: why for host, why in situation.unreachable.items() if host in hosts}
    for host, why in silent.items():
        reason = f"it is not known whether {host} has other {hardware.value} cards: {why}"
        yield replace(run, host=host, status=RunStatus.SKIPPED if run.if_possible else RunStatus.FAILED, reason=reason)
    if not models and not silent:
        reason = NO_HARDWARE.format(hardware=hardware.value)
        yield replace(run, status=RunStatus.SKIPPED, reason=reason)


def _hardware(run: Run, realms: Mapping[str, Realm]) -> Hardware:
    combination = run.combination
    definition = find_definition(combination.service, find_realm(combination.realm, realms))
    check_choice(definition, variety=combination.variety, profile=combination.profile)
    return hardware_of(definition, combination.variety)


def _request(run: Run, run_id: str) -> InstanceRequest:
    combination = run.combination
    return InstanceRequest(
        realm=combination.realm,
        name=f"footprint-{run_id}",
        service=combination.service,
        variety=combination.variety,
        profile=combination.profile,
    )


def _apart(spec: ServiceSpec) -> ServiceSpec:
    """The container as it is measured: it is nobody else's name or port, and nothing starts it again."""
    ports = tuple(replace(port, published=None, choice=None) for port in spec.ports)
    networks = tuple(replace(attachment, aliases=()) for attachment in spec.networks)
    return replace(spec, ports=ports, networks=networks, restart="no")


def _narrowed(situation: Situation, hosts: frozenset[str], card: str | None) -> Situation:
    """Only these hosts, and of their cards only those of one model."""
    return replace(
        situation,
        hosts={name: host for name, host in situation.hosts.items() if name in hosts},
        observations={name: _with_cards(seen, card) for name, seen in situation.observations.items() if name in hosts},
        unreachable={name: why for name, why in situation.unreachable.items() if name in hosts},
    )


def _with_cards(seen: Observation, card: str | None) -> Observation:
    cards = tuple(one for one in seen.resources.gpus if card in (None, one.name))
    return replace(seen, resources=replace(seen.resources, gpus=cards))


def _without(situation: Situation, busy: Mapping[str, str]) -> Situation:
    return _narrowed(situation, frozenset(situation.hosts.keys() - busy.keys()), None)


def _emptied(situation: Situation) -> Situation:
    """The hosts as if nothing ran there."""
    observations = {name: _empty(seen) for name, seen in situation.observations.items()}
    return replace(situation, observations=observations)


def _empty(seen: Observation) -> Observation:
    resources = seen.resources
    cards = tuple(replace(card, vram_used_bytes=0) for card in resources.gpus)
    alone = replace(resources, gpus=cards, listeners=None, memory_available_bytes=resources.memory_total_bytes)
    return replace(seen, resources=alone, containers=())
