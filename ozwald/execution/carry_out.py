"""Carries a plan out: all hosts at once, each operation after those it has to follow."""

import logging
import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

from ozwald.errors import HostError
from ozwald.execution.health import Interrupted, Patience
from ozwald.execution.labels import Ownership
from ozwald.execution.launch import Launch, LaunchFailed
from ozwald.execution.steps import Report, Result, Step
from ozwald.model.plan import Action, InstanceKey, Operation, Plan
from ozwald.planning.planner import required_dependencies
from ozwald.remote.engine import Engine

log = logging.getLogger(__name__)

MAX_AT_ONCE = 64


def carry_out(
    plan: Plan,
    engines: Mapping[str, Engine],
    *,
    ownership: Ownership,
    report: Report,
    patience: Patience | None = None,
    stop: threading.Event | None = None,
) -> list[Result]:
    """Carries out every change of the plan and returns a result for each operation, in the plan's order.

    One failure stops nothing but what depends on it. When `stop` is set, or on Ctrl-C, no further operation
    begins and those in hand are finished or undone.
    """
    stop = stop or threading.Event()
    crew = _Crew(engines, ownership, report, patience or Patience(), stop)
    with ThreadPoolExecutor(max_workers=MAX_AT_ONCE, thread_name_prefix="apply") as pool:
        # This thread only waits, so that Ctrl-C finds no operation half begun.
        begun = pool.submit(crew.begin_all, plan.operations, pool)
        try:
            begun.result()
            return crew.results()
        except KeyboardInterrupt:
            stop.set()
            begun.result()
            return crew.results()


class _Crew:
    """The operations under way. They are begun in the plan's order, so what one waits for was begun before it."""

    def __init__(
        self,
        engines: Mapping[str, Engine],
        ownership: Ownership,
        report: Report,
        patience: Patience,
        stop: threading.Event,
    ) -> None:
        self.engines = engines
        self.ownership = ownership
        self.report = report
        self.patience = patience
        self.stop = stop
        self.begun: list[tuple[Operation, Future[Result]]] = []

    def begin_all(self, operations: Iterable[Operation], pool: ThreadPoolExecutor) -> None:
        for operation in operations:
            self.begin(operation, pool)

    def begin(self, operation: Operation, pool: ThreadPoolExecutor) -> None:
        if not operation.action.is_change:
            future: Future[Result] = Future()
            blocked = operation.action is Action.BLOCKED
            future.set_result(Result(operation=operation, error=operation.reason if blocked else ""))
        else:
            first = [(other, result) for other, result in self.begun if _comes_first(other, operation)]
            future = pool.submit(self._run, operation, first)
        self.begun.append((operation, future))

    def results(self) -> list[Result]:
        return [future.result() for _, future in self.begun]

    def _run(self, operation: Operation, first: list[tuple[Operation, Future[Result]]]) -> Result:
        failed = [other.key for other, future in first if not future.result().is_done and _needed(other, operation)]
        if failed:
            return self._failed(operation, f"not started, since {_list(failed)} could not be")
        if self.stop.is_set():
            return self._failed(operation, "interrupted before it began; apply again")
        assert operation.host is not None
        engine = self.engines[operation.host]
        self._tell(operation, f"{operation.action.value} on {operation.host}: {operation.reason}")
        try:
            Launch(operation, engine, self.ownership, self.patience, self.stop, self.report).run()
        except (LaunchFailed, HostError) as error:
            return self._failed(operation, error.message if isinstance(error, HostError) else str(error))
        except Interrupted:
            return self._failed(operation, "interrupted; apply again to go on")
        return Result(operation=operation)

    def _failed(self, operation: Operation, error: str) -> Result:
        self._tell(operation, f"failed: {error}")
        return Result(operation=operation, error=error)

    def _tell(self, operation: Operation, text: str) -> None:
        self.report(Step(key=operation.key, host=operation.host or "", text=text))


def _comes_first(other: Operation, operation: Operation) -> bool:
    if other.action is Action.STOP and operation.action is not Action.STOP:
        return other.host == operation.host or other.key == operation.key
    return other.key in operation.after


def _needed(other: Operation, operation: Operation) -> bool:
    """Whether a failure of one forbids the other; a stop elsewhere on the host only came first to make room."""
    return other.key == operation.key or other.key in required_dependencies(operation.placement)


def _list(keys: list[InstanceKey]) -> str:
    return ", ".join(str(key) for key in dict.fromkeys(keys))
