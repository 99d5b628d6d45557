"""From a run that is asked for to one that can be carried out: its place, its script and what it depends on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ozwald.errors import RequestError
from ozwald.model.active import Status
from ozwald.model.footprint import Combination, FootprintRequest, Run
from ozwald.model.plan import InstanceKey, Placement
from ozwald.model.realm import Realm
from ozwald.model.service import RunScript
from ozwald.model.wanted import WantedSet
from ozwald.planning.active import active_services
from ozwald.planning.endpoints import with_endpoints
from ozwald.planning.footprint_places import NoRoom, place_run
from ozwald.planning.names import find_definition, find_realm
from ozwald.planning.placement import place
from ozwald.planning.resolve import layers, merge
from ozwald.planning.situation import Situation

REST_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One run that has its place; `run_time_s` is how long it rests once it is available."""

    run_id: str
    combination: Combination
    placement: Placement
    run_time_s: float
    script: RunScript | None = None


def order_of(
    run: Run,
    request: FootprintRequest,
    realms: Mapping[str, Realm],
    situation: Situation,
    wanted: WantedSet | None,
    *,
    run_id: str,
    busy: Mapping[str, str],
) -> Order | NoRoom:
    """How a run is carried out, or why it cannot begin now; `busy` says what is measured on a host already.

    Raises:
        RequestError: the settings do not know any more what is to be measured, it lacks what a start needs, or what it
            depends on is not available.
    """
    placed = place_run(run, realms, situation, run_id=run_id, hosts=request.hosts, busy=busy)
    if isinstance(placed, NoRoom):
        return placed
    _check_dependencies(placed, wanted, situation)
    said = _said(run.combination, realms)
    rest_s = said.get("run_time") if request.run_time_s is None else request.run_time_s
    return Order(
        run_id=run_id,
        combination=run.combination,
        placement=_connected(placed, realms, situation, wanted),
        run_time_s=REST_S if rest_s is None else rest_s,
        script=said.get("run_script"),
    )


def _said(combination: Combination, realms: Mapping[str, Realm]) -> Mapping[str, Any]:
    """What the settings say of how it is measured."""
    definition = find_definition(combination.service, find_realm(combination.realm, realms))
    stack = layers(definition, variety=combination.variety, profile=combination.profile)
    said: Mapping[str, Any] = merge(stack).get("footprint") or {}
    return said


def _check_dependencies(placement: Placement, wanted: WantedSet | None, situation: Situation) -> None:
    """Raises RequestError where something that it depends on is not available."""
    found = {one.key: one for one in active_services(wanted, situation)}
    for dependency in placement.spec.depends_on:
        key = InstanceKey(realm=placement.spec.realm, name=dependency.instance)
        if dependency.required and key not in found:
            raise RequestError(f"it depends on {key}, which does not run; start that first: ozwald apply --add {key}")
        if dependency.required and found[key].status is not Status.AVAILABLE:
            status = found[key].status.value
            raise RequestError(f"it depends on {key}, which is {status}; see: ozwald list_active_services")


def _connected(
    placement: Placement, realms: Mapping[str, Realm], situation: Situation, wanted: WantedSet | None
) -> Placement:
    """With the addresses of what it depends on."""
    if not placement.spec.depends_on or wanted is None:
        return placement
    whereabouts = place(wanted, realms, situation.as_of(wanted)).whereabouts()
    return with_endpoints(placement, whereabouts, situation.inventory.hosts)
