"""A fleet of fake engines that plans are made for and carried out on."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ozwald.execution.carry_out import carry_out
from ozwald.execution.health import Patience
from ozwald.execution.labels import Ownership
from ozwald.execution.steps import Result, Step
from ozwald.model.container import ObservedContainer, container_name
from ozwald.model.plan import Plan
from ozwald.model.realm import Realm
from ozwald.model.wanted import WantedSet
from ozwald.planning.planner import make_plan
from ozwald.planning.situation import Situation
from ozwald.remote.engine import Engine
from tests.builders import CONTROLLER, KEY, definition, observation, realms, situation, wanted
from tests.fakes.engine import FakeContainer, FakeEngine

IMAGES = ("llm:1", "llm:2", "db:1", "web:1", "web:2")
IMPATIENT = Patience(settle_s=0.0, poll_s=0.0, port_s=0.0)
OURS = Ownership(provisioner="local", controller=CONTROLLER, generation=3, owner="ann")
NAME = container_name("default", "llm")

Known = Mapping[str, Realm]


def service(name: str = "llm", image: str = "", **base: Any) -> Known:
    """Settings with one definition."""
    return realms(definition(name, base={"image": image or f"{name}:1", **base}))


@dataclass
class Fleet:
    """`steps` is everything that was told."""

    engines: dict[str, FakeEngine]
    steps: list[Step] = field(default_factory=list)

    @classmethod
    def of(cls, *hosts: str) -> "Fleet":
        return cls({host: FakeEngine(host, images=IMAGES) for host in hosts})

    @property
    def box(self) -> FakeEngine:
        """The engine of the only host."""
        [engine] = self.engines.values()
        return engine

    @property
    def told(self) -> list[str]:
        return [step.text for step in self.steps]

    def seen(self) -> Situation:
        return situation(
            {host: observation(*engine.list_containers(), name=host) for host, engine in self.engines.items()}
        )

    def plan(self, want: WantedSet | str, known: Known) -> Plan:
        return make_plan(wanted(want) if isinstance(want, str) else want, known, self.seen(), key=KEY)

    def carry_out(
        self,
        plan: Plan,
        *,
        through: Mapping[str, Engine] | None = None,
        patience: Patience = IMPATIENT,
        stop: threading.Event | None = None,
    ) -> list[Result]:
        """Carries a plan out; `through` are stand-ins for some of the engines."""
        engines: dict[str, Engine] = {**self.engines, **(through or {})}
        return carry_out(
            plan, engines.__getitem__, ownership=OURS, report=self.steps.append, patience=patience, stop=stop
        )

    def apply(self, want: WantedSet | str, known: Known, **options: Any) -> list[Result]:
        return self.carry_out(self.plan(want, known), **options)

    def ours(self) -> list[tuple[str, ObservedContainer]]:
        return [(host, found) for host, _, found in self.seen().ours()]


def add_foreign(engine: FakeEngine, name: str, *, image: str = "web:1") -> FakeContainer:
    """Someone else's running container."""
    engine.start(engine.create(name, {"Image": image}))
    return engine.named(name)


def refuse_taken_ports(engine: FakeEngine) -> None:
    """Lets a start end at once when another running container publishes the same port, as sockets do."""

    def check(starting: FakeContainer) -> None:
        mine = _published(starting)
        for other in engine.containers.values():
            if other is not starting and other.state == "running" and mine & _published(other):
                starting.state, starting.exit_code, starting.log = "exited", 98, b"address already in use\n"

    engine.on_start = check


def _published(container: FakeContainer) -> set[str]:
    bindings = (container.config.get("HostConfig") or {}).get("PortBindings") or {}
    return {binding["HostPort"] for entries in bindings.values() for binding in entries}


V1, V2 = service(), service(image="llm:2")


def changes(engine: FakeEngine) -> list[str]:
    """The calls that changed something, in order."""
    looks = {"list_containers", "state", "logs", "image", "networks", "volumes", "activity", "ping"}
    return [method for method, _ in engine.calls if method not in looks]


def forget_calls(fleet: Fleet) -> None:
    for engine in fleet.engines.values():
        engine.calls.clear()


def applied(known: object = V1) -> Fleet:
    """A fleet of one host with the service running."""
    fleet = Fleet.of("box1")
    assert all(result.is_done for result in fleet.apply("llm", known))  # type: ignore[arg-type]
    forget_calls(fleet)
    fleet.steps.clear()
    return fleet


def only_name(fleet: Fleet) -> str:
    [container] = fleet.box.containers.values()
    return container.name
