"""A fault at every engine call of every kind of operation: the next apply finishes it, without a twin."""

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from ozwald.errors import ConnectionFailed, EngineError, Failure
from ozwald.model.container import leftover_name
from ozwald.model.plan import Action, Operation
from ozwald.model.realm import Realm
from ozwald.model.service import Attachment
from ozwald.model.wanted import WantedSet
from ozwald.remote.engine import Engine
from tests.builders import definition, depends_on, port, realms, request, wanted
from tests.execution.fleet import NAME, Fleet, Known, add_foreign, refuse_taken_ports
from tests.fakes.engine import FakeEngine

NETWORKS = (Attachment(network="default"), Attachment(network="back"))


class Killed(BaseException):
    """The controller died at this call."""


Fault = Callable[[str], BaseException]

FAULTS: dict[str, tuple[Fault, bool]] = {
    "retryable": (lambda host: EngineError(host, "refused", failure=Failure.RETRYABLE), False),
    "terminal": (lambda host: EngineError(host, "said no", failure=Failure.TERMINAL, status=500), False),
    "request lost": (lambda host: EngineError(host, "broke off", failure=Failure.UNKNOWN), False),
    "answer lost": (lambda host: EngineError(host, "broke off", failure=Failure.UNKNOWN), True),
    "not connected": (lambda host: ConnectionFailed(host, "no route", failure=Failure.RETRYABLE), False),
    "connection lost": (lambda host: ConnectionFailed(host, "reset", failure=Failure.UNKNOWN), True),
    "killed before": (lambda host: Killed(), False),
    "killed after": (lambda host: Killed(), True),
}


@dataclass
class Faulty:
    """An engine that fails at the calls that `strikes` says yes to, before or after they take effect."""

    engine: FakeEngine
    fault: Fault
    after: bool
    strikes: Callable[[int], bool]
    calls: int = 0
    dead: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.engine, name)
        return self._call(attribute) if callable(attribute) else attribute

    def _call(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any, **options: Any) -> Any:
            with self.lock:
                if self.dead:
                    raise Killed
                number, self.calls = self.calls, self.calls + 1
                if not self.strikes(number):
                    return method(*words, **options)
                error = self.fault(self.engine.host_name)
                self.dead = isinstance(error, Killed)
                if self.after:
                    method(*words, **options)
                raise error

        return call


def settings(image: str = "llm:1") -> Known:
    """A service that has whatever a kill can leave half done: two networks, a published port."""
    return realms(definition("llm", base={"image": image, "networks": NETWORKS, "ports": (port(80, 8080),)}))


def fleet_with_stranger() -> Fleet:
    fleet = Fleet.of("box1", "box2")
    for engine in fleet.engines.values():
        add_foreign(engine, "nginx")
        add_foreign(engine, leftover_name(NAME, "f" * 64))
        refuse_taken_ports(engine)
    return fleet


def running() -> Fleet:
    fleet = fleet_with_stranger()
    assert all(result.is_done for result in fleet.apply("llm", settings()))
    return fleet


def stopped() -> Fleet:
    fleet = running()
    fleet.engines["box1"].exit(NAME)
    return fleet


def half_replaced(*, created: bool, old_runs: bool) -> Fleet:
    fleet = running()
    engine = fleet.engines["box1"]
    old = engine.named(NAME)
    if created:
        [operation] = fleet.plan("llm", settings("llm:2")).operations
        labels = {**old.config["Labels"], "ozwald.spec": operation.fingerprint}
        engine.rename(old.id, leftover_name(NAME, old.id))
        engine.create(NAME, {**old.config, "Image": "llm:2", "Labels": labels})
    else:
        engine.rename(old.id, leftover_name(NAME, old.id))
    if not old_runs:
        old.state = "exited"
    return fleet


@dataclass(frozen=True)
class Scenario:
    """A world, and what is wanted of it next."""

    begin: Callable[[], Fleet]
    want: WantedSet
    known: Known
    action: Action


SCENARIOS = {
    "create": Scenario(fleet_with_stranger, wanted("llm"), settings(), Action.CREATE),
    "replace": Scenario(running, wanted("llm"), settings("llm:2"), Action.REPLACE),
    "start": Scenario(stopped, wanted("llm"), settings(), Action.START),
    "stop": Scenario(running, wanted(), settings(), Action.STOP),
    "move": Scenario(running, wanted(request(host="box2")), settings(), Action.CREATE),
    "resume renamed": Scenario(
        lambda: half_replaced(created=False, old_runs=True), wanted("llm"), settings("llm:2"), Action.REPLACE
    ),
    "resume created": Scenario(
        lambda: half_replaced(created=True, old_runs=True), wanted("llm"), settings("llm:2"), Action.START
    ),
    "resume stopped": Scenario(
        lambda: half_replaced(created=True, old_runs=False), wanted("llm"), settings("llm:2"), Action.START
    ),
    "replace again": Scenario(
        lambda: half_replaced(created=True, old_runs=True), wanted("llm"), settings("web:1"), Action.REPLACE
    ),
}


def strangers(fleet: Fleet) -> list[tuple[str, str, str]]:
    return [
        (host, container.name, container.state)
        for host, engine in fleet.engines.items()
        for container in engine.containers.values()
        if not (container.config.get("Labels") or {}).get("ozwald.instance")
    ]


def apply_through(fleet: Fleet, scenario: Scenario, faulty: dict[str, Faulty]) -> list[Operation]:
    """Applies once over faulty engines; returns what failed."""
    try:
        results = fleet.apply(scenario.want, scenario.known, through=cast(dict[str, Engine], faulty))
    except Killed:
        return []
    return [result.operation for result in results if not result.is_done]


def assert_converged(fleet: Fleet, scenario: Scenario) -> None:
    plan = fleet.plan(scenario.want, scenario.known)
    assert not plan.changes
    assert not plan.blocked
    ours = [(host, container.name, container.state) for host, container in fleet.ours()]
    goals = [(operation.host, NAME, "running") for operation in plan.operations]
    assert ours == goals


def calls_without_fault(scenario: Scenario) -> int:
    fleet = scenario.begin()
    counting = {
        host: Faulty(engine, FAULTS["terminal"][0], False, lambda _: False) for host, engine in fleet.engines.items()
    }
    apply_through(fleet, scenario, counting)
    assert_converged(fleet, scenario)
    return max(engine.calls for engine in counting.values())


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_is_what_it_says(name: str) -> None:
    scenario = SCENARIOS[name]

    actions = [operation.action for operation in scenario.begin().plan(scenario.want, scenario.known).operations]

    assert scenario.action in actions


@pytest.mark.parametrize("kind", FAULTS)
@pytest.mark.parametrize("name", SCENARIOS)
def test_the_next_apply_finishes_whatever_call_failed(name: str, kind: str) -> None:
    scenario, (fault, after) = SCENARIOS[name], FAULTS[kind]
    for number in range(calls_without_fault(scenario)):
        fleet = scenario.begin()
        before = strangers(fleet)
        faulty = {
            host: Faulty(engine, fault, after, lambda call, number=number: call == number)  # type: ignore[misc]
            for host, engine in fleet.engines.items()
        }
        apply_through(fleet, scenario, faulty)
        assert strangers(fleet) == before, f"call {number}"
        assert len([1 for _, found in fleet.ours() if found.is_running]) <= 1, f"call {number}: twins"

        results = fleet.apply(scenario.want, scenario.known)

        assert [result.error for result in results if not result.is_done] == [], f"call {number}"
        assert_converged(fleet, scenario)
        assert strangers(fleet) == before, f"call {number}"


@pytest.mark.parametrize("kind", ["retryable", "terminal", "not connected"])
def test_a_replacement_that_is_refused_anywhere_leaves_one_container_running(kind: str) -> None:
    scenario, (fault, after) = SCENARIOS["replace"], FAULTS[kind]
    for number in range(calls_without_fault(scenario)):
        fleet = scenario.begin()
        faulty = {"box1": Faulty(fleet.engines["box1"], fault, after, lambda call, number=number: call == number)}  # type: ignore[misc]

        apply_through(fleet, scenario, faulty)

        assert fleet.engines["box1"].named(NAME).state == "running", f"call {number}"


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_any_schedule_of_faults_comes_to_rest_once_they_end(first: int) -> None:
    for seed in range(first, first + 50):
        dice = random.Random(seed)
        scenario = dice.choice(list(SCENARIOS.values()))
        fleet = scenario.begin()
        before = strangers(fleet)
        for _ in range(dice.randint(1, 4)):
            fault, after = dice.choice(list(FAULTS.values()))
            share = dice.choice([0.05, 0.2, 0.5])
            faulty = {
                host: Faulty(engine, fault, after, lambda _, dice=dice, share=share: dice.random() < share)  # type: ignore[misc]
                for host, engine in fleet.engines.items()
            }
            apply_through(fleet, scenario, faulty)
            running_now = [found for _, found in fleet.ours() if found.is_running]
            assert len(running_now) <= 1, f"seed {seed}: twins"

        fleet.apply(scenario.want, scenario.known)
        fleet.apply(scenario.want, scenario.known)

        assert_converged(fleet, scenario)
        assert strangers(fleet) == before, f"seed {seed}"


def test_a_dependant_on_another_host_waits_for_the_apply_that_brings_its_dependency() -> None:
    known: dict[str, Realm] = realms(
        definition("db"), definition("web", base={"image": "web:1", "depends_on": depends_on("db")})
    )
    want = wanted(request("db", host="box1"), request("web", host="box2"))
    fleet = Fleet.of("box1", "box2")
    fleet.engines["box1"].fail("create", times=2)

    first = fleet.apply(want, known)
    second = fleet.apply(want, known)

    assert [result.is_done for result in first] == [False, False]
    assert [result.is_done for result in second] == [True, True]
