"""The operations that the loop has begun: each has a thread of its own and disturbs no other."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor

from ozwald.execution.carry_out import comes_first
from ozwald.execution.crew import Crew
from ozwald.execution.steps import Result
from ozwald.model.plan import Action, InstanceKey, Operation, Plan

MOST_AT_ONCE = 256


class Work:
    """Begins what a plan asks for and is not under way; tells `on_done` of each end, in the operation's thread."""

    def __init__(self, on_done: Callable[[Result], None]) -> None:
        self._on_done = on_done
        self._pool = ThreadPoolExecutor(max_workers=MOST_AT_ONCE, thread_name_prefix="work")
        self._lock = threading.Lock()
        self._under_way: dict[InstanceKey, Operation] = {}

    @property
    def under_way(self) -> dict[InstanceKey, Operation]:
        """What is being done now."""
        with self._lock:
            return dict(self._under_way)

    def begin(self, plan: Plan, crew: Crew, is_due: Callable[[Operation], bool]) -> list[Operation]:
        """Begins the changes of a plan that are due and wait for nothing, and returns them."""
        waiting = [one for one in plan.operations if one.action.is_change or one.action is Action.BLOCKED]
        begun = []
        for operation in plan.changes:
            if operation.key not in self.under_way and is_due(operation) and not _waits(operation, waiting):
                with self._lock:
                    self._under_way[operation.key] = operation
                self._pool.submit(self._carry_out, crew, operation)
                begun.append(operation)
        return begun

    def finish(self) -> None:
        """Returns when all that was begun has ended; the crew's stop event makes that soon."""
        self._pool.shutdown(wait=True)

    def _carry_out(self, crew: Crew, operation: Operation) -> None:
        result = crew.carry_out(operation)
        with self._lock:
            self._under_way.pop(operation.key, None)
        self._on_done(result)


def _waits(operation: Operation, others: Iterable[Operation]) -> bool:
    """Whether something has to be done first; what only has to be there first may also be blocked for good."""
    return any(
        comes_first(other, operation) and (other.action.is_change or other.key in operation.needs)
        for other in others
        if other is not operation
    )
