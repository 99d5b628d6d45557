"""Requests for footprints are on disk before anybody hears of it, in their order, and never half."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ozwald.errors import RequestError, StateError
from ozwald.model.footprint import Combination, FootprintRequest, Phase, Run, RunStatus
from ozwald.state import footprint_queue
from ozwald.state.footprint_queue import MOST_ENDED, FootprintQueue
from ozwald.state.home import DataFolder
from ozwald.state.locks import Busy

LLM = Combination(realm="default", service="llm", variety="nvidia", profile="big")


@pytest.fixture
def queue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FootprintQueue:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return FootprintQueue(DataFolder(tmp_path), "local")


def asked(request_id: str, *statuses: RunStatus) -> FootprintRequest:
    runs = tuple(Run(combination=LLM, status=status) for status in statuses or (RunStatus.QUEUED,))
    return FootprintRequest(request_id=request_id, asked_at=12.5, author="ann", runs=runs)


def test_what_was_added_reads_back_in_its_order(queue: FootprintQueue) -> None:
    full = Run(
        combination=LLM, card="T4", if_possible=True, attempts=2, host="gpu1", status=RunStatus.RUNNING,
        phase=Phase.LOAD, reason="begins again", begun_at=1.5, ended_at=None,
    )  # fmt: skip
    first = FootprintRequest(
        request_id="a", asked_at=1.0, author="ann", runs=(full,), hosts="gpu*", run_time_s=5.0, is_spread=True
    )

    queue.add(first)
    queue.add(asked("b"))

    assert queue.requests() == (first, asked("b"))


def test_an_unknown_request_is_an_error_that_lists_the_known(queue: FootprintQueue) -> None:
    queue.add(asked("ab12"))

    with pytest.raises(RequestError, match="ab12"):
        queue.cancel("ab13")


def test_a_cancelled_request_begins_no_further_run(queue: FootprintQueue) -> None:
    queue.add(asked("a", RunStatus.MEASURED, RunStatus.RUNNING, RunStatus.QUEUED))

    now = queue.cancel("a")

    assert now.is_cancelled
    assert [run.status for run in now.runs] == [RunStatus.MEASURED, RunStatus.RUNNING, RunStatus.CANCELLED]


def test_of_requests_that_have_ended_the_last_are_kept(queue: FootprintQueue) -> None:
    queue.add(asked("open"))
    for number in range(MOST_ENDED + 3):
        queue.add(asked(f"n{number}", RunStatus.MEASURED))

    ids = [one.request_id for one in queue.requests()]

    assert (len(ids), ids[0], ids[1]) == (MOST_ENDED + 1, "open", "n3")


def test_too_much_at_once_is_refused(queue: FootprintQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(footprint_queue, "MOST_RUNS", 3)
    queue.add(asked("a", RunStatus.QUEUED, RunStatus.QUEUED))

    with pytest.raises(StateError, match="2 runs are too many: 3 may wait"):
        queue.add(asked("b", RunStatus.QUEUED, RunStatus.QUEUED))


def test_one_process_at_a_time_works_it(queue: FootprintQueue) -> None:
    with queue.working(), pytest.raises(Busy), queue.working():
        pass


def test_a_damaged_queue_stays_and_is_never_guessed_over(queue: FootprintQueue) -> None:
    queue.add(asked("a"))
    queue.path.write_text(queue.path.read_text().replace("nvidia", "amdgpu"))

    with pytest.raises(StateError, match="damaged"):
        queue.add(asked("b"))

    assert "amdgpu" in queue.path.read_text()


def test_a_change_is_seen_from_outside(queue: FootprintQueue) -> None:
    queue.add(asked("a"))
    changed = queue.change("a", lambda request: replace(request, is_spread=True))

    assert FootprintQueue(DataFolder(queue.path.parents[1]), "local").find("a") == changed


def test_the_largest_queue_fits_into_its_file(queue: FootprintQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    long = Combination(realm="r" * 63, service="s" * 63, variety="v" * 63, profile="p" * 63)
    full = Run(
        combination=long, card="c" * 60, host="h" * 63, phase=Phase.UNDER_LOAD, reason="box1: no room; " * 1000,
        begun_at=1e9 + 0.1, ended_at=1e9 + 0.2, status=RunStatus.MEASURED,
    )  # fmt: skip
    waiting = replace(full, status=RunStatus.QUEUED)
    for run, count in ((full, footprint_queue.MOST_ENDED_RUNS), (waiting, footprint_queue.MOST_RUNS)):
        request = FootprintRequest(request_id=run.status.value, asked_at=0.0, author="ann", runs=(run,) * count)
        queue.add(request)

    assert [one.request_id for one in queue.requests()] == ["measured", "queued"]
