"""Decides on which cards the runs of a request are to be measured, and where one of them can begin now."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from ozwald.errors import RequestError
from ozwald.model.footprint import FootprintRequest, Run, RunStatus
from ozwald.model.observation import Observation
from ozwald.model.plan import Placement
from ozwald.model.realm import Realm
from ozwald.model.request import InstanceRequest
from ozwald.model.resources import Hardware
from ozwald.model.service import ServiceSpec
from ozwald.planning.names import check_choice, find_definition, find_realm
from ozwald.planning.patterns import select
from ozwald.planning.placement import Unplaced, place_beside
from ozwald.planning.resolve import hardware_of
from ozwald.planning.situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class NoRoom:
    """Why a run cannot begin now.

    `is_final` when no host can ever carry it, `needs_silent` when only one could that does not answer.
    """

    reason: str
    is_final: bool = False
    needs_silent: bool = False


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
        reason = f"no host that was asked for has {hardware.value} hardware"
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
