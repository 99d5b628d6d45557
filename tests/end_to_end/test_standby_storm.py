"""Two controllers on one Redis, something bad in the middle of each update: what was accepted runs, and runs once."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from tests.end_to_end.test_standby import Controller, Stage, stage
from tests.lab import Lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab

__all__ = ["stage"]

ROUNDS = 60 if os.environ.get("OZWALD_SOAK") else 3
SETTLED_S = 45.0


class TwinWatch:
    """Looks all the time whether an instance is there on two hosts."""

    def __init__(self, lab: Lab) -> None:
        self._hosts = {name: lab.hosts[name].engine for name in ("box1", "box2")}
        self._stopped = threading.Event()
        self.twins: list[str] = []
        self.looks = 0

    @contextmanager
    def looking(self) -> Iterator[None]:
        thread = threading.Thread(target=self._look, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._stopped.set()
            thread.join()

    def _look(self) -> None:
        while not self._stopped.wait(0.2):
            names = [
                one["Names"][0]
                for engine in self._hosts.values()
                for one in engine.call("GET", "/containers/json")
                if one["State"] == "running"
            ]
            self.looks += 1
            self.twins += [name for name in set(names) if names.count(name) > 1]


def active(stage: Stage) -> Controller:
    """The controller that is well; waits for one."""
    assert eventually(lambda: "healthy" in (stage.first.health(), stage.second.health()), SETTLED_S)
    return stage.first if stage.first.health() == "healthy" else stage.second


def killed(stage: Stage) -> None:
    one = active(stage)
    one.gets(signal.SIGKILL)
    assert eventually(lambda: one.health() == "")
    one.starts()


def stopped(stage: Stage) -> None:
    one = active(stage)
    one.gets(signal.SIGSTOP)
    time.sleep(18)
    one.gets(signal.SIGCONT)


def redis_killed(stage: Stage) -> None:
    stage.redis.kill()
    time.sleep(2)
    stage.redis.start()


def redis_frozen(stage: Stage) -> None:
    stage.redis.freeze()
    time.sleep(3)
    stage.redis.thaw()


def flushed(stage: Stage) -> None:
    stage.redis.client.flushall()


BAD: tuple[Callable[[Stage], None], ...] = (killed, stopped, redis_killed, redis_frozen, flushed)


def test_what_was_accepted_runs_once_whatever_happens_meanwhile(stage: Stage) -> None:
    dice = random.Random(os.environ.get("OZWALD_SEED", "6"))
    stage.first.starts()
    stage.second.starts()
    watch, events = TwinWatch(stage.lab), [*BAD]
    with watch.looking():
        for number in range(ROUNDS):
            dice.shuffle(events)
            names = dice.sample("abcdef", dice.randint(1, 5))
            updated = active(stage).updates(*(f"{name}[idle][{dice.choice(('one', 'two'))}]" for name in names))
            assert updated.code == 0, updated.err
            time.sleep(dice.random())
            events[0](stage)

            told = f"round {number}: {events[0].__name__}"
            assert eventually(partial(stage.is_running, *names), SETTLED_S), told
            assert not watch.twins, told
    assert watch.looks > ROUNDS
