"""Faults of lab hosts, and a watch on how operations that are under way take them."""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from ozwald.errors import Failure, HostError
from tests.lab import HostOptions
from tests.lab.host import Host as Box
from tests.waiting import eventually

QUIET_S = 0.4
ANSWER_S = 0.4
POLL_S = 0.1
NOTICED_S = QUIET_S + ANSWER_S + 2 * POLL_S
SPENT = "sleep 4714"
FLEET = {
    "box": HostOptions(),
    "cli": HostOptions(sshd=("AllowStreamLocalForwarding no",)),
    "single": HostOptions(docker=False, sshd=("MaxSessions 1",)),
    "tight": HostOptions(sshd=("AllowStreamLocalForwarding no", "MaxSessions 1")),
    "shut": HostOptions(docker=False, sshd=("AllowTcpForwarding no",)),
    "crowded": HostOptions(docker=False, sshd=("MaxStartups 1:100:1", "LoginGraceTime 30")),
}


@contextmanager
def nothing_left() -> Iterator[None]:
    """Afterwards there are no more descriptors and threads than before; what earlier tests left may end meanwhile."""
    gc.collect()
    descriptors, threads = _descriptors(), set(threading.enumerate())
    yield

    def more() -> list[str]:
        new = [thread.name for thread in threading.enumerate() if thread not in threads and thread.name != "lab-proxy"]
        return new + ["a descriptor"] * max(0, _descriptors() - descriptors)

    assert eventually(lambda: not more(), 2), more()


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


@dataclass(frozen=True)
class Outcome:
    error: BaseException | None
    seconds: float

    @property
    def failure(self) -> Failure | None:
        return self.error.failure if isinstance(self.error, HostError) else None


class Attempts:
    """Operations that run at once, each on a thread, and how each of them ended."""

    def __init__(self, operations: Mapping[str, Callable[[], object]]) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._hit = time.monotonic()
        self._threads = [
            threading.Thread(target=self._attempt, args=(name, operation)) for name, operation in operations.items()
        ]
        for thread in self._threads:
            thread.start()

    def hit(self) -> None:
        """The fault strikes now: from here on time counts."""
        self._hit = time.monotonic()

    def ended(self, *, within_s: float) -> dict[str, Outcome]:
        for thread in self._threads:
            thread.join(max(0.0, self._hit + within_s + 5 - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads)
        return self.outcomes

    def _attempt(self, name: str, operation: Callable[[], object]) -> None:
        error: BaseException | None = None
        try:
            operation()
        except BaseException as err:
            error = err
        self.outcomes[name] = Outcome(error, time.monotonic() - self._hit)


def cut(box: Box) -> None:
    box.cut()


def freeze(box: Box) -> None:
    box.freeze_sshd()


def kill(box: Box) -> None:
    box.stop_sshd()


def restore(box: Box) -> None:
    box.mend()
    box.stop_sshd()
    box.start_sshd()
    box.thaw_dockerd()
    box.engine.clean()


def failing(call: Callable[[], object], *, within_s: float) -> HostError:
    started = time.monotonic()
    with pytest.raises(HostError) as error:
        call()
    assert time.monotonic() - started < within_s + 1
    return error.value
