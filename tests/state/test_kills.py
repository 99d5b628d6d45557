"""Whatever a kill interrupts, what is on disk is whole, and the next change goes on from there."""

import itertools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ozwald.execution.intent import store
from ozwald.model.history import Author
from ozwald.model.wanted import Adopted, WantedSet
from ozwald.state.history import History
from ozwald.state.home import DataFolder
from ozwald.state.wanted import changing_wanted, read_wanted, wanted_path
from tests.builders import request, wanted

AUTHOR = Author(owner="ann", command="ozwald apply")
FILES = ("open", "os.", "fcntl.", "tempfile.")
PROCESSES = 12


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DataFolder:
    """A folder that is not synced: what a killed process has written, the kernel has, and waiting takes long."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    return DataFolder(tmp_path / "home")


def change(home: DataFolder, instance: str, *hosts: str) -> None:
    """Adds one instance with a container that was adopted, as an apply or an adoption does."""
    with home.changing(hosts or ("box1", "box2")), changing_wanted(home, "local") as path:
        stored = read_wanted(path)
        before = stored or WantedSet(generation=0)
        after = replace(
            before,
            generation=before.generation + 1,
            instances=(*before.instances, *wanted(request(instance)).instances),
            adopted=(*before.adopted, Adopted(host="box1", container_id=instance, controller="decaf")),
        )
        store(after, stored, home=home, provisioner="local", author=AUTHOR, at=0.0)


def names(home: DataFolder) -> list[str]:
    """The instances that are wanted, once everything on disk was found to be whole."""
    stored = read_wanted(wanted_path(home, "local")) or WantedSet(generation=0)
    history = History(home, "local")
    kept = [history.read(number) for number in history.numbers(until=stored.generation)]
    assert [one.number for one in kept if one] == list(range(stored.generation, 0, -1))
    assert [one.instances for one in kept[:1] if one] == [stored.instances][: len(kept)]
    assert [one.container_id for one in stored.adopted] == [one.request.name for one in stored.instances]
    return [one.request.name for one in stored.instances]


def begin(work: Callable[[], object], *, dies_at: int | None = None) -> int:
    """Does it in a copy of this process, which is killed just before it touches files for the nth time."""
    child = os.fork()
    if child:
        return child
    steps = itertools.count(1)

    def watch(event: str, _: object) -> None:
        if event.startswith(FILES) and next(steps) == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    try:
        work()
    except BaseException:
        os._exit(1)
    os._exit(0)


def kills(home: DataFolder) -> Iterator[int]:
    """Kills one change after the other, each one step later, until one gets through."""
    for step in itertools.count(1):
        _, status = os.waitpid(begin(lambda name=f"killed-{step}": change(home, name), dies_at=step), 0)  # type: ignore[misc]
        if status == 0:
            return
        assert os.WIFSIGNALED(status), "it was the kill that ended it"
        yield step


@pytest.mark.parametrize("there", [0, 1], ids=["the first change", "a later one"])
def test_a_kill_at_any_step_leaves_the_old_set_or_the_new_one(home: DataFolder, there: int) -> None:
    for number in range(there):
        change(home, f"old-{number}")
    before = names(home)
    steps = 0
    for steps in kills(home):
        assert names(home) in (before, [*before, f"killed-{steps}"])
        change(home, f"after-{steps}")
        before = names(home)
        assert before[-1] == f"after-{steps}"
    assert steps > 10


def test_a_kill_leaves_nothing_that_the_next_change_does_not_sweep(home: DataFolder) -> None:
    for step in kills(home):
        change(home, f"after-{step}")
        assert not list(home.path.rglob(".*.json.*"))


def test_identity_and_key_are_made_once_whoever_is_killed_meanwhile(home: DataFolder) -> None:
    seen: set[tuple[str, bytes]] = set()
    for step in kills(home):
        change(home, f"after-{step}")
        seen.add((home.controller_id(), home.fingerprint_key()))
    assert len(seen) == 1


def test_processes_that_change_the_set_at_the_same_time_lose_no_change(home: DataFolder) -> None:
    children = [begin(lambda number=number: change(home, f"i{number}", f"box{number}")) for number in range(PROCESSES)]  # type: ignore[misc]

    assert [os.waitpid(child, 0)[1] for child in children] == [0] * PROCESSES
    assert sorted(names(home)) == sorted(f"i{number}" for number in range(PROCESSES))
