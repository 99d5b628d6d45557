"""Carries out one operation, and tells how it ended whatever happens."""

import logging
import threading
from collections.abc import Callable

from ozwald.errors import Failure, HostError
from ozwald.execution.clock import Clock
from ozwald.execution.deliver import Turns
from ozwald.execution.health import Interrupted, Patience
from ozwald.execution.instance import Instance, LaunchFailed
from ozwald.execution.labels import Ownership
from ozwald.execution.launch import launch
from ozwald.execution.steps import Report, Result, Step
from ozwald.model.plan import Operation
from ozwald.model.secrecy import without_secrets
from ozwald.remote.engine import Engine

log = logging.getLogger(__name__)


class Crew:
    """Those who work on the hosts; may be used by several threads.

    Once `stop` is set, what is in hand is undone; with `keeps_started` new containers stay where they are.
    """

    def __init__(
        self,
        engine_of: Callable[[str], Engine],
        ownership: Ownership,
        report: Report,
        patience: Patience,
        stop: threading.Event,
        clock: Clock,
        *,
        keeps_started: bool = False,
    ) -> None:
        self.engine_of = engine_of
        self.ownership = ownership
        self.report = report
        self.patience = patience
        self.stop = stop
        self.turns = Turns()
        self.clock = clock
        self.keeps_started = keeps_started

    def carry_out(self, operation: Operation) -> Result:
        """Carries out one operation; raises nothing."""
        if self.stop.is_set():
            return self.failed(operation, "interrupted before it began; apply again")
        self._tell(operation, f"{operation.action.value} on {operation.host}: {operation.reason}")
        return self._attempt(operation, launch)

    def calm(self, operation: Operation) -> Result:
        """Stops the operation's container, whose engine would only restart it again and again; raises nothing."""
        self._tell(operation, f"it keeps ending on {operation.host}; stopped until the next try")
        return self._attempt(operation, lambda instance: instance.stop(operation.container_id or ""))

    def _attempt(self, operation: Operation, work: Callable[[Instance], None]) -> Result:
        try:
            work(self._instance(operation))
        except LaunchFailed as failed:
            return self.failed(operation, str(failed))
        except HostError as error:
            if error.failure is Failure.UNKNOWN:
                return self.failed(operation, f"{error.message}; apply again to see what came of it", is_unknown=True)
            return self.failed(operation, error.message)
        except Interrupted:
            return self.failed(operation, "interrupted; apply again to go on")
        except Exception as mistake:  # one operation's surprise must not lose the others' results
            log.exception("%s: %s", operation.host, operation.key)
            return self.failed(operation, f"{type(mistake).__name__}: {mistake}; this is a mistake in ozwald")
        self._tell(operation, "done", is_last=True)
        return Result(operation=operation)

    def _instance(self, operation: Operation) -> Instance:
        engine = self.engine_of(operation.host or "")
        return Instance(
            operation,
            engine,
            self.ownership,
            self.patience,
            self.stop,
            self.report,
            self.turns,
            self.clock,
            keeps_started=self.keeps_started,
        )

    def failed(self, operation: Operation, error: str, *, is_unknown: bool = False) -> Result:
        """Reports an operation that was not carried out to its end."""
        error = without_secrets(error, operation.placement.spec.environment if operation.placement else {})
        self._tell(operation, f"{'not known' if is_unknown else 'failed'}: {error}", is_last=True)
        return Result(operation=operation, error=error, is_unknown=is_unknown)

    def _tell(self, operation: Operation, text: str, *, is_last: bool = False) -> None:
        self.report(Step(key=operation.key, host=operation.host or "", text=text, is_last=is_last))
