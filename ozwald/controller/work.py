"""The operations that the loop has begun: each has a thread of its own and disturbs no other."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from ozwald.controller.leadership import elapsed
from ozwald.errors import OzwaldError
from ozwald.execution.carry_out import comes_first
from ozwald.execution.gates import HostGates
from ozwald.execution.steps import Result
from ozwald.model.plan import Action, InstanceKey, Operation, Plan

log = logging.getLogger(__name__)

MOST_PER_HOST = 64
NEVER = float("-inf")


class Work:
    """Begins what a plan asks for and is not under way; tells `on_done` of each end, in the operation's thread.

    An operation is inside its host's gate, one of `gates`, while it is under way.
    """

    def __init__(self, on_done: Callable[[Result], None], *, now: Callable[[], float] = elapsed) -> None:
        self._on_done, self._now = on_done, now
        self.gates = HostGates()
        self._lock = threading.Lock()
        self._under_way: dict[InstanceKey, Operation] = {}
        self._threads: dict[InstanceKey, threading.Thread] = {}
        self._ended_at: dict[InstanceKey | str, float] = {}

    @property
    def under_way(self) -> dict[InstanceKey, Operation]:
        """What is being done now."""
        with self._lock:
            return dict(self._under_way)

    @property
    def hosts(self) -> set[str]:
        """Where something is being done now."""
        return {operation.host or "" for operation in self.under_way.values()} | self.gates.kept

    def ended_at(self, thing: InstanceKey | str) -> float:
        """When the last operation on an instance, or on the host of that name, has ended."""
        with self._lock:
            return self._ended_at.get(thing, NEVER)

    def begin(
        self, plan: Plan, carry_out: Callable[[Operation], Result], may_begin: Callable[[Operation], bool]
    ) -> None:
        """Begins the changes of a plan that may begin and wait for nothing."""
        waiting = [one for one in plan.operations if one.action.is_change or one.action is Action.BLOCKED]
        for operation in plan.changes:
            if may_begin(operation) and not _waits(operation, waiting):
                self.begin_one(operation, carry_out)

    def begin_one(self, operation: Operation, carry_out: Callable[[Operation], Result]) -> None:
        """Begins one operation, unless its instance is in hand, or its host has its hands full or is kept by one."""
        with self._lock:
            at_host = Counter(one.host for one in self._under_way.values())[operation.host]
            if operation.key in self._under_way or at_host >= MOST_PER_HOST:
                return
            if not self.gates.enter(operation.host or ""):
                return
            thread = threading.Thread(
                target=self._carry_out, args=(operation, carry_out), name=f"work-{operation.key}", daemon=True
            )
            self._under_way[operation.key], self._threads[operation.key] = operation, thread
        thread.start()

    @contextmanager
    def alone_at(self, host: str, *, within_s: float, stop: threading.Event) -> Iterator[None]:
        """Waits until nothing is in hand on a host, and lets nothing begin there meanwhile; see `HostGates.alone`."""
        with self.gates.alone(host, within_s=within_s, stop=stop):
            try:
                yield
            finally:
                with self._lock:
                    self._ended_at[host] = self._now()

    def finish(self, within_s: float, *, silent: Iterable[str] = ()) -> list[Operation]:
        """Waits for what was begun, but not for silent hosts; returns what is still under way.

        The crew's stop event makes the rest end soon. What does not is found and finished by the next controller.
        """
        over, given_up = time.monotonic() + within_s, set(silent)
        with self._lock:
            threads = [(one, self._threads[key]) for key, one in self._under_way.items()]
        for operation, thread in threads:
            thread.join(0.0 if operation.host in given_up else max(0.0, over - time.monotonic()))
        return list(self.under_way.values())

    def _carry_out(self, operation: Operation, carry_out: Callable[[Operation], Result]) -> None:
        result = _outcome(operation, carry_out)
        with self._lock:
            del self._under_way[operation.key], self._threads[operation.key]
            # Only a look that begins later shows what came of it.
            self._ended_at[operation.key] = self._ended_at[operation.host or ""] = self._now()
        self.gates.leave(operation.host or "")
        self._on_done(result)


def _outcome(operation: Operation, carry_out: Callable[[Operation], Result]) -> Result:
    """How an operation ended, whatever went wrong: its instance is not to be in hand for ever."""
    try:
        return carry_out(operation)
    except OzwaldError as error:
        return Result(operation=operation, error=str(error))
    except Exception as mistake:
        log.exception("%s: %s", operation.host, operation.key)
        return Result(operation=operation, error=f"{type(mistake).__name__}: {mistake}; this is a mistake in ozwald")


def _waits(operation: Operation, others: Iterable[Operation]) -> bool:
    """Whether something has to be done first; what only has to be there first may also be blocked for good."""
    return any(
        comes_first(other, operation) and (other.action.is_change or other.key in operation.needs)
        for other in others
        if other is not operation
    )
