"""When a start counts as available, failed, stalled or too slow; by a clock that only the tests move."""

import threading
from collections.abc import Callable
from dataclasses import replace

import pytest

from ozwald.errors import EngineError
from ozwald.execution.health import Interrupted, Patience, StartFailed, is_available, wait_until_available
from ozwald.model.container import Activity, ContainerState
from tests.fakes.engine import FakeContainer, FakeEngine

RUNNING = ContainerState(
    id="1", running=True, restarting=False, exit_code=0, oom_killed=False, error="", restart_count=0
)
EXITED = replace(RUNNING, running=False, exit_code=7)
PATIENCE = Patience(settle_s=3, stall_s=120, timeout_s=3600, poll_s=1, activity_s=5, max_restarts=3)


@pytest.mark.parametrize(
    ("state", "running_s", "available"),
    [
        (RUNNING, 0, False),
        (RUNNING, 2.9, False),
        (RUNNING, 3, True),
        (replace(RUNNING, health="starting"), 999, False),
        (replace(RUNNING, health="healthy"), 0, True),
        (replace(RUNNING, restart_count=2), 3, True),
        (replace(EXITED, restarting=True), 999, False),
        (replace(RUNNING, restarting=True, restart_count=1), 999, False),
    ],
)
def test_a_look_says_wait_or_available(state: ContainerState, running_s: float, available: bool) -> None:
    restarts = state.restart_count
    assert is_available(state, running_s=running_s, restarts=restarts, patience=PATIENCE) is available


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (None, "was removed while it started"),
        (EXITED, "it ended during its start (exit code 7)"),
        (replace(EXITED, exit_code=0), "it ended during its start (exit code 0)"),
        (replace(EXITED, oom_killed=True, exit_code=137), "it ended during its start (out of memory)"),
        (replace(EXITED, error="no such file"), "it ended during its start (no such file)"),
        (replace(RUNNING, health="unhealthy"), "its healthcheck says unhealthy"),
        (replace(RUNNING, exit_code=1, restart_count=3), "it keeps exiting (exit code 1, restarted 3 times)"),
        (replace(RUNNING, health="healthy", restart_count=3), "it keeps exiting"),
    ],
)
def test_a_look_says_failed_and_why(state: ContainerState | None, told: str) -> None:
    restarts = state.restart_count if state else 0
    with pytest.raises(StartFailed) as failed:
        is_available(state, running_s=999, restarts=restarts, patience=PATIENCE)

    assert told in str(failed.value)


class Moved:
    """A clock that moves only while somebody waits; `each` happens after every wait."""

    def __init__(self) -> None:
        self.passed_s = 0.0
        self.each: Callable[[float], None] = lambda passed_s: None

    def now(self) -> float:
        return 1000.0 + self.passed_s

    def wait(self, event: threading.Event, seconds: float) -> bool:
        self.passed_s += seconds
        self.each(self.passed_s)
        return event.is_set()


class Starting:
    """One container that has just been started."""

    def __init__(self, *, healthcheck: bool = False) -> None:
        self.clock, self.stop = Moved(), threading.Event()
        self.engine = FakeEngine(images=["llm:1"])
        config = {"Image": "llm:1", "Healthcheck": {"Test": ["CMD", "true"]} if healthcheck else {}}
        self.id = self.engine.create("llm", config)
        self.engine.start(self.id)

    @property
    def container(self) -> FakeContainer:
        return self.engine.containers[self.id]

    def each(self, change: Callable[[FakeContainer, float], None]) -> "Starting":
        self.clock.each = lambda passed_s: change(self.container, passed_s)
        return self

    def seconds_until_available(self, patience: Patience = PATIENCE) -> float:
        wait_until_available(self.engine, self.id, patience=patience, stop=self.stop, clock=self.clock)
        return self.clock.passed_s

    def failure(self, patience: Patience = PATIENCE) -> tuple[str, float]:
        with pytest.raises(StartFailed) as failed:
            self.seconds_until_available(patience)
        return str(failed.value), self.clock.passed_s


def test_without_a_healthcheck_it_is_available_once_it_has_run_for_a_while() -> None:
    assert Starting().seconds_until_available() == 3


def test_with_a_healthcheck_it_is_available_as_soon_as_it_is_healthy() -> None:
    def turn_healthy(container: FakeContainer, passed_s: float) -> None:
        container.health = "healthy" if passed_s >= 40 else "starting"

    assert Starting(healthcheck=True).each(turn_healthy).seconds_until_available() == 40


def test_a_restart_begins_the_while_anew() -> None:
    def restart_once(container: FakeContainer, passed_s: float) -> None:
        container.restart_count = int(passed_s >= 2)

    assert Starting().each(restart_once).seconds_until_available() == 5


def test_time_between_two_restarts_does_not_count_as_running() -> None:
    def wait_to_restart(container: FakeContainer, passed_s: float) -> None:
        container.state = "restarting" if 1 <= passed_s < 8 else "running"

    assert Starting().each(wait_to_restart).seconds_until_available() == 10


def test_one_that_keeps_exiting_fails() -> None:
    def flap(container: FakeContainer, passed_s: float) -> None:
        container.restart_count, container.exit_code = int(passed_s), 2

    assert Starting().each(flap).failure() == ("it keeps exiting (exit code 2, restarted 3 times)", 3)


def test_one_that_is_removed_meanwhile_fails() -> None:
    starting = Starting()
    starting.clock.each = lambda _: starting.engine.remove(starting.id, force=True)

    assert "was removed" in starting.failure()[0]


def test_one_in_which_nothing_moves_has_stalled() -> None:
    told, after_s = Starting(healthcheck=True).failure()

    assert told == "nothing moved for 120 s: no log, disk read, CPU or health change"
    assert 120 <= after_s <= 130


@pytest.mark.parametrize(
    "move",
    [
        lambda container, passed_s: setattr(container, "log", b"loading %d\n" % passed_s),
        lambda container, passed_s: setattr(container, "activity", Activity(read_bytes=int(passed_s))),
        lambda container, passed_s: setattr(container, "activity", Activity(cpu_s=passed_s * 0.5)),
        lambda container, passed_s: setattr(container, "health_output", f"attempt {passed_s}"),
    ],
    ids=["log", "disk", "processor", "health"],
)
def test_one_in_which_anything_moves_has_not_stalled(move: Callable[[FakeContainer, float], None]) -> None:
    starting = Starting(healthcheck=True)

    def move_then_be_healthy(container: FakeContainer, passed_s: float) -> None:
        move(container, passed_s)
        container.health = "healthy" if passed_s >= 1000 else "starting"

    assert starting.each(move_then_be_healthy).seconds_until_available() == 1000


def test_what_a_process_takes_that_only_waits_is_no_movement() -> None:
    def idle(container: FakeContainer, passed_s: float) -> None:
        container.activity = Activity(cpu_s=passed_s * 0.01)

    assert "nothing moved" in Starting(healthcheck=True).each(idle).failure()[0]


def test_one_that_moves_for_ever_is_given_up_at_the_cap() -> None:
    def load(container: FakeContainer, passed_s: float) -> None:
        container.log = b"loading %d\n" % passed_s

    assert Starting(healthcheck=True).each(load).failure() == ("it was not available after 3600 s", 3600)


def test_a_stop_ends_the_wait() -> None:
    starting = Starting()
    starting.stop.set()

    with pytest.raises(Interrupted):
        starting.seconds_until_available()


def test_an_engine_that_cannot_be_asked_is_no_verdict_on_the_container() -> None:
    starting = Starting()
    starting.engine.fail("state")

    with pytest.raises(EngineError):
        starting.seconds_until_available()
