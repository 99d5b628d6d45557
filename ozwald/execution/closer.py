"""Plans twice: at first sight, and again after a closer look at what seems to have changed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from ozwald.errors import HostError
from ozwald.model.container import ContainerDetails
from ozwald.model.host import Host
from ozwald.model.plan import Plan
from ozwald.model.realm import Realm
from ozwald.model.service import Pull
from ozwald.model.wanted import WantedSet
from ozwald.planning.planner import make_plan
from ozwald.planning.questions import Questions, open_questions
from ozwald.planning.situation import RegistryAnswer, Situation
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import HostResults

T = TypeVar("T")


class Asks(Protocol):
    """What can ask several hosts at once, as a fleet does."""

    def map(self, hosts: Iterable[Host], work: Callable[[HostConnection], T]) -> HostResults[T]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrutiny:
    """How sure a plan has to be.

    `pull` counts instead of what the settings say of when images are fetched; `closely` compares every setting of
    every container with what the engine has, where labels alone would say that nothing has changed.
    """

    pull: Pull | None = None
    closely: bool = False


def plan_closely(
    wanted: WantedSet,
    realms: Mapping[str, Realm],
    situation: Situation,
    *,
    fleet: Asks,
    key: bytes,
    scrutiny: Scrutiny | None = None,
) -> Plan:
    """Makes the plan; only reads from hosts. See `make_plan` for what it raises."""
    scrutiny = scrutiny or Scrutiny()
    plan = make_plan(wanted, realms, situation, key=key, pull=scrutiny.pull)
    questions = open_questions(plan, situation, closely=scrutiny.closely)
    if not questions.hosts:
        return plan
    return make_plan(wanted, realms, _looked_at(situation, questions, fleet), key=key, pull=scrutiny.pull)


def _looked_at(situation: Situation, questions: Questions, fleet: Asks) -> Situation:
    """What a host does not answer stays open: its containers are then judged by their labels."""

    def look(connection: HostConnection) -> tuple[Sequence[ContainerDetails], dict[str, RegistryAnswer]]:
        engine, name = connection.engine(), connection.host.name
        found = engine.details(questions.containers.get(name, ()))
        answers = {reference: _ask_registry(engine, reference) for reference in questions.images.get(name, ())}
        return found, answers

    seen = fleet.map([situation.hosts[name] for name in sorted(questions.hosts)], look).values
    details = {(name, one.id): one for name, (found, _) in seen.items() for one in found}
    registry = {(name, reference): one for name, (_, answers) in seen.items() for reference, one in answers.items()}
    return replace(situation, details={**situation.details, **details}, registry={**situation.registry, **registry})


def _ask_registry(engine: Engine, reference: str) -> RegistryAnswer:
    try:
        return RegistryAnswer(digest=engine.registry_digest(reference))
    except HostError as error:
        return RegistryAnswer(problem=error.message)
