"""Carries a plan out: all hosts at once, each operation after those it has to follow."""

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Self

from ozwald.errors import Failure, HostError
from ozwald.execution.clock import MONOTONIC, Clock
from ozwald.execution.deliver import Turns
from ozwald.execution.health import Interrupted, Patience
from ozwald.execution.instance import Instance, LaunchFailed
from ozwald.execution.labels import Ownership
from ozwald.execution.launch import launch
from ozwald.execution.steps import Report, Result, Step
from ozwald.model.plan import Action, InstanceKey, Operation, Plan
from ozwald.model.secrecy import without_secrets
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
    crew = _Crew(engine_of, ownership, report, patience or Patience(), stop, clock)
    with _Workers(pool) as workers:
        # This thread only waits, so that Ctrl-C finds no operation half begun.
        begun = workers.of(None).submit(crew.begin_all, plan.operations, workers)
        try:
            begun.result()
            return crew.results()
        except KeyboardInterrupt:
            log.warning("interrupted: finishing or undoing what is in hand")
            stop.set()
            begun.result()
            return crew.results()


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


class _Crew:
    """The operations under way.

    They are begun in the plan's order, so what one waits for was begun before it, on its own host as well: the first
    of those that are not done always has a thread.
    """

    def __init__(
        self,
        engine_of: Callable[[str], Engine],
        ownership: Ownership,
        report: Report,
        patience: Patience,
        stop: threading.Event,
        clock: Clock,
    ) -> None:
        self.engine_of = engine_of
        self.ownership = ownership
        self.report = report
        self.patience = patience
        self.stop = stop
        self.turns = Turns()
        self.clock = clock
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
            first = [(other, result) for other, result in self.begun if _comes_first(other, operation)]
            future = workers.of(operation.host).submit(self._run, operation, first)
        self.begun.append((operation, future))

    def results(self) -> list[Result]:
        return [future.result() for _, future in self.begun]

    def _run(self, operation: Operation, first: list[tuple[Operation, Future[Result]]]) -> Result:
        failed = [other.key for other, future in first if not future.result().is_done and _needed(other, operation)]
        if failed:
            what = "restarted" if operation.action is Action.RESTART else "started"
            return self._failed(operation, f"not {what}, since {_list(failed)} could not be")
        if self.stop.is_set():
            return self._failed(operation, "interrupted before it began; apply again")
        self._tell(operation, f"{operation.action.value} on {operation.host}: {operation.reason}")
        try:
            launch(self._instance(operation))
        except LaunchFailed as failed:
            return self._failed(operation, str(failed))
        except HostError as error:
            if error.failure is Failure.UNKNOWN:
                return self._failed(operation, f"{error.message}; apply again to see what came of it", is_unknown=True)
            return self._failed(operation, error.message)
        except Interrupted:
            return self._failed(operation, "interrupted; apply again to go on")
        except Exception as mistake:  # one operation's surprise must not lose the others' results
            log.exception("%s: %s", operation.host, operation.key)
            return self._failed(operation, f"{type(mistake).__name__}: {mistake}; this is a mistake in ozwald")
        self._tell(operation, "done", is_last=True)
        return Result(operation=operation)

    def _instance(self, operation: Operation) -> Instance:
        engine = self.engine_of(operation.host or "")
        return Instance(
            operation, engine, self.ownership, self.patience, self.stop, self.report, self.turns, self.clock
        )

    def _failed(self, operation: Operation, error: str, *, is_unknown: bool = False) -> Result:
        error = without_secrets(error, operation.placement.spec.environment if operation.placement else {})
        self._tell(operation, f"{'not known' if is_unknown else 'failed'}: {error}", is_last=True)
        return Result(operation=operation, error=error, is_unknown=is_unknown)

    def _tell(self, operation: Operation, text: str, *, is_last: bool = False) -> None:
        self.report(Step(key=operation.key, host=operation.host or "", text=text, is_last=is_last))


def _comes_first(other: Operation, operation: Operation) -> bool:
    if other.action is Action.STOP and operation.action is not Action.STOP:
        return other.host == operation.host or other.key == operation.key
    return other.key in operation.after


def _needed(other: Operation, operation: Operation) -> bool:
    """Whether a failure of one forbids the other; a stop elsewhere on the host only came first to make room."""
    return other.key == operation.key or other.key in operation.needs


def _list(keys: list[InstanceKey]) -> str:
    return ", ".join(str(key) for key in dict.fromkeys(keys))
