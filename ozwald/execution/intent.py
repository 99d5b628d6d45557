"""From a request to a durable intent: which instances are wanted, what that changes, and writing it down first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ozwald.errors import RequestError
from ozwald.execution.closer import Scrutiny, plan_closely
from ozwald.execution.observe import observe
from ozwald.model.host import Host
from ozwald.model.plan import InstanceKey, Plan
from ozwald.model.service import InstanceRequest
from ozwald.model.settings import Settings
from ozwald.model.wanted import Leaving, WantedInstance, WantedSet
from ozwald.planning.planner import placed_as
from ozwald.remote.fleet import Fleet
from ozwald.state.home import DataFolder
from ozwald.state.wanted import read_wanted, wanted_path, write_wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A wanted set with the plan that brings it about; nothing has been changed yet."""

    wanted: WantedSet
    plan: Plan


def intend(
    requests: Sequence[InstanceRequest] | None,
    *,
    settings: Settings,
    hosts: Mapping[str, Host],
    fleet: Fleet,
    home: DataFolder,
    provisioner: str,
    scrutiny: Scrutiny | None = None,
) -> Intent:
    """Plans for exactly these instances, or, with None, for those that are wanted already. Only reads.

    Raises:
        RequestError: nothing was ever asked for, or the request does not make sense.
        NothingReachable: not one host answered.
    """
    stored = read_wanted(wanted_path(home, provisioner))
    wanted = _wanted(requests, stored, settings, hosts)
    situation = observe(fleet, settings.inventory, hosts, controller=home.controller_id())
    key = home.fingerprint_key()
    plan = plan_closely(wanted, settings.realms, situation, fleet=fleet, key=key, scrutiny=scrutiny)
    placed = placed_as(plan, wanted, situation)
    changed = stored is None or placed.instances != stored.instances
    return Intent(wanted=replace(placed, generation=wanted.generation + changed), plan=plan)


def make_durable(intent: Intent, *, home: DataFolder, provisioner: str) -> None:
    """Writes the wanted set down, unless it is on disk already.

    Raises:
        StateError: it cannot be written; nothing may be changed then.
    """
    path = wanted_path(home, provisioner)
    if read_wanted(path) != intent.wanted:
        home.folder("wanted")
        write_wanted(path, intent.wanted)


def _wanted(
    requests: Sequence[InstanceRequest] | None, stored: WantedSet | None, settings: Settings, hosts: Mapping[str, Host]
) -> WantedSet:
    if requests is None:
        if stored is None:
            raise RequestError("nothing is wanted yet; say what: ozwald apply NAME[service][variety][profile]")
        return stored
    before = stored or WantedSet(generation=0)
    placed = {one.key: one.placed_on for one in before.instances}
    asked = {instance.key: instance for instance in _outside(before, settings, hosts)}
    named: set[InstanceKey] = set()
    for request in requests:
        instance = WantedInstance(request=request)
        if instance.key in named:
            raise RequestError(f"instance {instance.key} is asked for twice; give each a name of its own")
        named.add(instance.key)
        asked[instance.key] = replace(instance, placed_on=placed.get(instance.key))
    dropped = {Leaving(key=one.key, host=one.placed_on) for one in before.instances if one.placed_on is not None}
    staying = {Leaving(key=one.key, host=one.placed_on) for one in asked.values() if one.placed_on is not None}
    leaving = {*before.leaving, *dropped} - staying
    return WantedSet(generation=before.generation, instances=tuple(asked.values()), leaving=tuple(sorted(leaving)))


def _outside(before: WantedSet, settings: Settings, hosts: Mapping[str, Host]) -> list[WantedInstance]:
    """What was placed on hosts that are not looked at: a limited request does not speak of it."""
    known = settings.inventory.hosts
    return [one for one in before.instances if one.placed_on in known and one.placed_on not in hosts]
