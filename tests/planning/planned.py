"""Plans of one service, `llm`, and its containers as an apply leaves them."""

from collections.abc import Mapping
from typing import Any

from ozwald.model.container import ObservedContainer, container_name
from ozwald.model.observation import Observation
from ozwald.model.plan import Operation, Plan
from ozwald.model.realm import Realm
from ozwald.model.wanted import WantedSet
from ozwald.planning.planner import make_plan
from ozwald.planning.situation import Situation
from tests.builders import (
    KEY,
    definition,
    our_container,
    realms,
    situation,
    wanted,
)

LLM = realms(definition("llm"))
NAME = container_name("default", "llm")


def plan(
    want: WantedSet | str = "llm",
    seen: Mapping[str, Observation] | Situation | None = None,
    known: Mapping[str, Realm] = LLM,
) -> Plan:
    world = seen if isinstance(seen, Situation) else situation(seen)
    return make_plan(wanted(want) if isinstance(want, str) else want, known, world, key=KEY)


def only(made: Plan) -> Operation:
    [operation] = made.operations
    return operation


def mark(known: Mapping[str, Realm] = LLM, name: str = "llm") -> str:
    """The fingerprint that an instance of these realms has on an empty host."""
    return only(plan(wanted(name), known=known)).fingerprint


def running(instance: str = "llm", **fields: Any) -> ObservedContainer:
    """A container as the last apply left it."""
    known = fields.pop("known", LLM)
    return our_container(instance, **{"fingerprint": mark(known, instance)} | fields)


def told(made: Plan) -> list[str]:
    return [f"{operation.action.value} {operation.key} on {operation.host}" for operation in made.operations]
