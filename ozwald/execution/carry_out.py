"""Carries a plan out: all hosts at once, each operation after those it has to follow."""

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Self

from ozwald.execution.clock import MONOTONIC, Clock
from ozwald.execution.crew import Crew
from ozwald.execution.health import Patience
from ozwald.execution.labels import Ownership
from ozwald.execution.steps import Report, Result
from ozwald.model.plan import Action, InstanceKey, Operation, Plan
from ozwald.remote.engine import Engine

log = logging.getLogger(__name__)

MAX_AT_ONCE = 64  # on one host


def carry_out(
    plan: Plan,
    engine_of: Callable[[str], Engine],
    *,
    ownership: Ownership,
    report: Report,
    patience: Patience | None = None,
    stop: threading.Event | None = None,
    clock: Clock = MONOTONIC,
    pool: Executor | None = None,
) -> list[Result]:
    """Carries out every change of the plan and returns a result for each operation, in the plan's order.

    `engine_of` gives the engine of a host by name, or raises HostError. One failure stops nothing but what depends
    on it. When `stop` is set, or on Ctrl-C, no further operation begins and those in hand are finished or undone.
    `pool` runs the operations and is shut down at the end; without one every host has threads of its own, so that
    what is slow on one keeps no other waiting.
    """
    stop = stop or threading.Event()
    gang = _Gang(Crew(engine_of, ownership, report, patience or Patience(), stop, clock))
    with _Workers(pool) as workers:
        # This thread only waits, so that Ctrl-C finds no operation half begun.
        begun = workers.of(None).submit(gang.begin_all, plan.operations, workers)
        try:
            begun.result()
            return gang.results()
        except KeyboardInterrupt:
            log.warning("interrupted: finishing or undoing what is in hand")
            stop.set()
            begun.result()
            return gang.results()


class _Workers:
    """Threads by host, or one pool for all. Each host's operations begin in the plan's order."""

    def __init__(self, pool: Executor | None) -> None:
        self._shared = pool
        self._by_host: dict[str | None, Executor] = {}

    def of(self, host: str | None) -> Executor:
        """What runs the operations on a host, and with None what begins them."""
        if self._shared is not None:
            return self._shared
        if host not in self._by_host:
            self._by_host[host] = ThreadPoolExecutor(MAX_AT_ONCE, thread_name_prefix=f"apply-{host}")
        return self._by_host[host]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in (self._shared, *self._by_host.values()):
            if pool is not None:
                pool.shutdown()


class _Gang:
    """The operations under way.

    They are begun in the plan's order, so what one waits for was begun before it, on its own host as well: the first
    of those that are not done always has a thread.
    """

    def __init__(self, crew: Crew) -> None:
        self.crew = crew
        self.begun: list[tuple[Operation, Future[Result]]] = []

    def begin_all(self, operations: Iterable[Operation], workers: _Workers) -> None:
        for operation in operations:
            self.begin(operation, workers)

    def begin(self, operation: Operation, workers: _Workers) -> None:
        if not operation.action.is_change:
            future: Future[Result] = Future()
            blocked = operation.action is Action.BLOCKED
            future.set_result(Result(operation=operation, error=operation.reason if blocked else ""))
        else:
            first = [(other, result) for other, result in self.begun if comes_first(other, operation)]
            future = workers.of(operation.host).submit(self._run, operation, first)
        self.begun.append((operation, future))

    def results(self) -> list[Result]:
        return [future.result() for _, future in self.begun]

    def _run(self, operation: Operation, first: list[tuple[Operation, Future[Result]]]) -> Result:
        failed = [other.key for other, future in first if not future.result().is_done and _needed(other, operation)]
        if failed:
            what = "restarted" if operation.action is Action.RESTART else "started"
            return self.crew.failed(operation, f"not {what}, since {_list(failed)} could not be")
        return self.crew.carry_out(operation)


def comes_first(other: Operation, operation: Operation) -> bool:
    """Whether one operation of a plan has to end before the other begins."""
    if other.action is Action.STOP and operation.action is not Action.STOP:
        return other.host == operation.host or other.key == operation.key
    return other.key in operation.after


def _needed(other: Operation, operation: Operation) -> bool:
    """Whether a failure of one forbids the other; a stop elsewhere on the host only came first to make room."""
    return other.key == operation.key or other.key in operation.needs


def _list(keys: list[InstanceKey]) -> str:
    return ", ".join(str(key) for key in dict.fromkeys(keys))
