"""The queue is worked off in order, one run at a time on a host, and every run has a clear end."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from ozwald.errors import ConnectionFailed, Failure, StateError
from ozwald.execution.footprint_worker import MOST_ATTEMPTS, FootprintWorker
from ozwald.execution.health import Interrupted
from ozwald.execution.measuring import RunFailed
from ozwald.model.footprint import FootprintRequest, Phase, Run, RunStatus
from ozwald.model.realm import Realm
from ozwald.model.wanted import WantedSet
from ozwald.planning.footprint_order import Order
from ozwald.planning.footprint_runs import Choice, runs_of
from ozwald.planning.situation import Situation
from ozwald.state.footprint_queue import FootprintQueue
from ozwald.state.home import DataFolder
from tests.builders import definition, depends_on, observation, our_container, realms, situation

Known = Mapping[str, Realm]
WEB, DB = definition("web"), definition("db")
LOST = ConnectionFailed("box1", "the link was cut", failure=Failure.UNKNOWN)


@dataclass
class Workshop:
    """A workplace without hosts; `act` is what happens when a run is measured, `begun` who was, in order."""

    realms: Known
    seen: Situation
    act: Callable[[Order, threading.Event], None] = lambda order, stop: None
    begun: list[tuple[str, str]] = field(default_factory=list)
    cleared: list[str] = field(default_factory=list)
    looks: int = 0

    @property
    def hosts(self) -> Mapping[str, Any]:
        return self.seen.hosts

    def look(self) -> Situation:
        self.looks += 1
        return self.seen

    def wanted(self) -> WantedSet | None:
        return None

    def clear(self, hosts: Iterable[str], *, is_over: Callable[[str], bool]) -> frozenset[str]:
        self.cleared += list(hosts)
        return frozenset()

    def measure(self, order: Order, *, on_phase: Callable[[Phase], None], stop: threading.Event) -> None:
        self.begun.append((str(order.combination), order.placement.host))
        on_phase(Phase.LOAD)
        self.act(order, stop)

    def tell(self, order: Order, text: str, *, is_last: bool = False) -> None:
        return


@dataclass
class Desk:
    """A queue, its worker and the workshop."""

    queue: FootprintQueue
    workshop: Workshop
    worker: FootprintWorker

    def asks(self, *choices: Any, request_id: str = "r", hosts: str | None = None) -> str:
        runs = runs_of([Choice(definition=one) for one in choices])
        self.queue.add(FootprintRequest(request_id=request_id, asked_at=0.0, author="ann", runs=runs, hosts=hosts))
        return request_id

    def works(self, until: Callable[[], bool] | None = None) -> None:
        over = time.monotonic() + 10
        done = until or (lambda: all(one.is_ended for one in self.queue.requests()))
        while not done() and time.monotonic() < over:
            self.worker.turn()
            self.worker.rest()
        assert done()

    def runs(self, request_id: str = "r") -> tuple[Run, ...]:
        return self.queue.find(request_id).runs


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return made(tmp_path, monkeypatch, "box1")


def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *hosts: str) -> Desk:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    workshop = Workshop(realms(WEB, DB), situation({name: observation(name=name) for name in hosts}))
    queue = FootprintQueue(DataFolder(tmp_path), "local")
    return Desk(queue, workshop, FootprintWorker(queue, workshop))  # type: ignore[arg-type]


def test_requests_are_measured_in_their_order(desk: Desk) -> None:
    desk.asks(DB, request_id="first")
    desk.asks(WEB, request_id="second")

    desk.works()

    assert [name for name, _ in desk.workshop.begun] == ["db", "web"]
    [run] = desk.runs("first")
    assert (run.status, run.host, run.attempts, run.reason) == (RunStatus.MEASURED, "box1", 1, "")
    assert run.begun_at is not None
    assert run.ended_at is not None


def test_no_two_runs_are_on_one_host_at_once(desk: Desk) -> None:
    living: list[str] = []
    most: list[int] = []

    def act(order: Order, stop: threading.Event) -> None:
        living.append(order.run_id)
        most.append(len(living))
        stop.wait(0.05)
        living.remove(order.run_id)

    desk.workshop.act = act
    desk.asks(DB, WEB)

    desk.works()

    assert most == [1, 1]


def test_several_hosts_measure_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = made(tmp_path, monkeypatch, "box1", "box2")
    both = threading.Barrier(2, timeout=5)

    def act(order: Order, stop: threading.Event) -> None:
        both.wait()

    desk.workshop.act = act
    desk.asks(DB, WEB)

    desk.works()

    assert {host for _, host in desk.workshop.begun} == {"box1", "box2"}


def test_a_host_that_is_measured_is_not_looked_at_for_those_that_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ozwald.execution.footprint_worker.LOOK_EVERY_S", 0.0)
    monkeypatch.setattr("ozwald.execution.footprint_worker.TURN_EVERY_S", 0.01)
    desk.workshop.act = lambda order, stop: _rest(0.3)
    desk.asks(DB, WEB)

    desk.works()

    assert desk.workshop.looks == 2  # one before each run


def test_what_waits_says_for_what(desk: Desk) -> None:
    go = threading.Event()
    desk.workshop.act = lambda order, stop: _wait(go)
    desk.asks(DB, WEB)

    desk.works(until=lambda: bool(desk.runs()[1].reason))
    reason = desk.runs()[1].reason
    go.set()
    desk.works()

    assert reason == "box1: measures db"
    assert [run.reason for run in desk.runs()] == ["", ""]


def test_a_run_that_fails_says_why_and_the_queue_goes_on(desk: Desk) -> None:
    def act(order: Order, stop: threading.Event) -> None:
        if order.combination.service == "db":
            raise RunFailed("its script ended with exit status 3")

    desk.workshop.act = act
    desk.asks(DB, WEB)

    desk.works()

    assert [(run.status, run.reason) for run in desk.runs()] == [
        (RunStatus.FAILED, "its script ended with exit status 3"),
        (RunStatus.MEASURED, ""),
    ]


def test_hosts_that_are_gone_from_the_inventory_fail_a_request_and_not_the_queue(desk: Desk) -> None:
    desk.asks(WEB, request_id="first", hosts="gone")
    desk.asks(DB, request_id="second")

    desk.works()

    [failed], [measured] = desk.runs("first"), desk.runs("second")
    assert (failed.status, measured.status) == (RunStatus.FAILED, RunStatus.MEASURED)
    assert "gone" in failed.reason


def test_a_queue_that_is_moved_away_while_a_run_is_measured_is_worked_on(desk: Desk) -> None:
    desk.workshop.act = lambda order, stop: desk.queue.path.unlink() if str(order.combination) == "web" else None
    desk.asks(WEB, request_id="first")
    desk.works(lambda: desk.queue.requests() == ())

    desk.asks(DB, request_id="second")
    desk.works()

    assert [run.status for run in desk.runs("second")] == [RunStatus.MEASURED]


def test_a_mistake_of_ours_ends_one_run_and_not_the_queue(desk: Desk) -> None:
    desk.workshop.act = lambda order, stop: [][0] if order.combination.service == "db" else None
    desk.asks(DB, WEB)

    desk.works()

    assert [run.status for run in desk.runs()] == [RunStatus.FAILED, RunStatus.MEASURED]
    assert "mistake in ozwald" in desk.runs()[0].reason


def test_a_run_that_lost_its_host_begins_again_but_not_for_ever(desk: Desk) -> None:
    def act(order: Order, stop: threading.Event) -> None:
        raise LOST

    desk.workshop.act = act
    desk.asks(DB)

    desk.works()

    [run] = desk.runs()
    assert len(desk.workshop.begun) == MOST_ATTEMPTS
    assert (run.status, run.attempts) == (RunStatus.FAILED, MOST_ATTEMPTS)
    assert "the link was cut" in run.reason


def test_after_a_run_its_host_is_cleared(desk: Desk) -> None:
    desk.asks(DB)

    desk.works()
    desk.worker.close()

    assert desk.workshop.cleared == ["box1", "box1"]  # before the first run, and after it


def test_cancelling_ends_what_runs(desk: Desk) -> None:
    def act(order: Order, stop: threading.Event) -> None:
        desk.queue.cancel("r")
        assert stop.wait(5)
        raise Interrupted

    desk.workshop.act = act
    desk.asks(DB, WEB)

    desk.works()

    assert [run.status for run in desk.runs()] == [RunStatus.CANCELLED, RunStatus.CANCELLED]
    assert len(desk.workshop.begun) == 1


def test_a_worker_that_closes_lets_its_runs_begin_again(desk: Desk) -> None:
    def act(order: Order, stop: threading.Event) -> None:
        assert stop.wait(5)
        raise Interrupted

    desk.workshop.act = act
    desk.asks(DB)
    desk.works(until=lambda: desk.runs()[0].phase is Phase.LOAD)

    desk.worker.close()

    [run] = desk.runs()
    assert (run.status, run.attempts, run.phase) == (RunStatus.QUEUED, 0, None)


def test_runs_whose_worker_was_killed_begin_again(desk: Desk) -> None:
    desk.asks(DB)
    desk.queue.change("r", lambda request: _with(request, status=RunStatus.RUNNING, attempts=1, host="box1"))

    desk.worker.begin_again()
    desk.works()

    [run] = desk.runs()
    assert (run.status, run.attempts) == (RunStatus.MEASURED, 2)


def test_what_kills_its_worker_again_and_again_fails(desk: Desk) -> None:
    desk.asks(DB)
    desk.queue.change("r", lambda request: _with(request, status=RunStatus.RUNNING, attempts=MOST_ATTEMPTS))

    desk.worker.begin_again()

    assert desk.runs()[0].status is RunStatus.FAILED


def test_an_outcome_that_cannot_be_written_is_written_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()
    desk.workshop.act = lambda order, stop: ended.set()
    desk.asks(DB)
    desk.works(until=ended.is_set)
    change = FootprintQueue.change
    full = StateError("no space left on device")

    def refuse(*_: object) -> FootprintRequest:
        raise full

    monkeypatch.setattr(FootprintQueue, "change", refuse)
    with pytest.raises(StateError):
        desk.works()
    monkeypatch.setattr(FootprintQueue, "change", change)
    desk.works()

    assert desk.runs()[0].status is RunStatus.MEASURED


def test_what_it_depends_on_has_to_be_available(desk: Desk) -> None:
    web = definition("web", base={"image": "web:1", "depends_on": depends_on("db")})
    desk.workshop.realms = realms(web, DB)
    desk.asks(web)

    desk.works()

    [run] = desk.runs()
    assert (run.status, desk.workshop.begun) == (RunStatus.FAILED, [])
    assert "it depends on db, which does not run" in run.reason


def test_it_may_depend_on_a_service_that_runs(desk: Desk) -> None:
    web = definition("web", base={"image": "web:1", "depends_on": depends_on("db")})
    desk.workshop.realms = realms(web, DB)
    desk.workshop.seen = situation({"box1": observation(our_container("db", status="Up 3 minutes (healthy)"))})
    desk.asks(web)

    desk.works()

    assert desk.runs()[0].status is RunStatus.MEASURED


def test_lockers_fail_a_run_as_they_fail_a_start(desk: Desk) -> None:
    locked = definition("locked", base={"image": "web:1", "lockers": ("keys",)})
    desk.workshop.realms = realms(locked)
    desk.asks(locked)

    desk.works()

    [run] = desk.runs()
    assert run.status is RunStatus.FAILED
    assert "lockers" in run.reason


def _with(request: FootprintRequest, **fields: Any) -> FootprintRequest:
    return replace(request, runs=tuple(replace(run, **fields) for run in request.runs))


def _wait(event: threading.Event) -> None:
    assert event.wait(5)


def _rest(seconds: float) -> None:
    threading.Event().wait(seconds)
