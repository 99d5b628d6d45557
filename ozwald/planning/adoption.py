"""Which containers of other controllers could be taken over, and the wanted set that counts them as ours."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ozwald.errors import RequestError
from ozwald.model.container import (
    LABEL_CONTROLLER,
    LABEL_PROFILE,
    LABEL_SERVICE,
    LABEL_VARIETY,
    ObservedContainer,
)
from ozwald.model.plan import InstanceKey
from ozwald.model.realm import Realm
from ozwald.model.request import InstanceRequest
from ozwald.model.wanted import Adopted, WantedInstance, WantedSet
from ozwald.planning.names import check_choice, find_definition, find_realm
from ozwald.planning.situation import Situation, instance_of, is_an_instance


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An instance that another controller left on a host; `refusal` says why it cannot be adopted, if it cannot.

    `since` is when its container was made, in seconds since the epoch.
    """

    request: InstanceRequest
    host: str
    controller: str
    since: float
    container_ids: tuple[str, ...]
    refusal: str = ""

    @property
    def key(self) -> InstanceKey:
        return InstanceKey(realm=self.request.realm, name=self.request.name)


def candidates(wanted: WantedSet | None, situation: Situation) -> list[Candidate]:
    """Every instance of another controller on the hosts that were looked at, by name and host."""
    situation = situation.as_of(wanted)
    left: dict[tuple[InstanceKey, str, str], list[ObservedContainer]] = {}
    for host, observation in situation.observations.items():
        for container in observation.containers:
            controller = container.labels.get(LABEL_CONTROLLER)
            if controller and is_an_instance(container) and not situation.owns(host, container):
                left.setdefault((instance_of(container), host, controller), []).append(container)
    found = [_candidate(host, controller, containers) for (_, host, controller), containers in left.items()]
    return sorted(found, key=lambda one: (one.key, one.host, one.controller))


def judged(
    found: Sequence[Candidate], wanted: WantedSet | None, realms: Mapping[str, Realm], situation: Situation
) -> list[Candidate]:
    """The same, each with the reason why it cannot be adopted together with the others, if there is one."""
    situation = situation.as_of(wanted)
    return [
        replace(one, refusal=_twin(one, found) or _is_ours(one, wanted, situation) or _not_known(one, realms))
        for one in found
    ]


def with_adopted(wanted: WantedSet | None, chosen: Iterable[Candidate]) -> WantedSet:
    """The wanted set of the next generation, in which these are ours and wanted where they are."""
    before = wanted or WantedSet(generation=0)
    instances = {one.key: one for one in before.instances}
    adopted = set(before.adopted)
    for one in chosen:
        asked = instances.get(one.key) or WantedInstance(request=one.request)
        instances[one.key] = replace(asked, placed_on=one.host)
        adopted |= {Adopted(host=one.host, container_id=name, controller=one.controller) for name in one.container_ids}
    return replace(
        before,
        generation=before.generation + 1,
        instances=tuple(sorted(instances.values(), key=lambda instance: instance.key)),
        adopted=tuple(sorted(adopted)),
    )


def _candidate(host: str, controller: str, containers: list[ObservedContainer]) -> Candidate:
    newest = max(containers, key=lambda container: container.created_at)
    key, labels = instance_of(newest), newest.labels
    request = InstanceRequest(
        realm=key.realm,
        name=key.name,
        service=labels.get(LABEL_SERVICE, ""),
        variety=labels.get(LABEL_VARIETY) or None,
        profile=labels.get(LABEL_PROFILE) or None,
    )
    return Candidate(
        request=request,
        host=host,
        controller=controller,
        since=newest.created_at,
        container_ids=tuple(container.id for container in containers),
    )


def _twin(one: Candidate, others: Iterable[Candidate]) -> str:
    twins = [f"{other.host} ({other.controller})" for other in others if other.key == one.key and other != one]
    if not twins:
        return ""
    return f"there is another {one.key} on {', '.join(twins)}; say which: --limit HOST, --from CONTROLLER"


def _is_ours(one: Candidate, wanted: WantedSet | None, situation: Situation) -> str:
    """Whether there would be two of one name; what is wanted but blocked by the candidate may become it."""
    instances = wanted.instances if wanted else ()
    placed = {known.placed_on for known in instances if known.key == one.key} - {None, one.host}
    homes = sorted(filter(None, placed | situation.homes(one.key).keys()))
    if not homes:
        return ""
    return f"{one.key} is ours already, on {homes[0]}; take that away first: ozwald apply --remove {one.key}"


def _not_known(one: Candidate, realms: Mapping[str, Realm]) -> str:
    try:
        definition = find_definition(one.request.service, find_realm(one.request.realm, realms))
        check_choice(definition, variety=one.request.variety, profile=one.request.profile)
    except RequestError as error:
        return str(error)
    return ""
