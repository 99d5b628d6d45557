"""Shows on stderr how work on the hosts goes on, and keeps it in the launch logs."""

import logging
import sys
import threading
import time
from contextlib import ExitStack, suppress
from types import TracebackType
from typing import Protocol, Self

import click

from ozwald.cli.harmless import harmless_line
from ozwald.cli.output import console, is_dumb
from ozwald.errors import StateError
from ozwald.execution.steps import Step
from ozwald.model.plan import InstanceKey
from ozwald.state.launch_logs import LaunchLogs

log = logging.getLogger(__name__)

PASSING_EVERY_S = 2.0
SHORT_S = 0.05


class Display(Protocol):
    """Where steps are shown."""

    def show(self, step: Step) -> None: ...


class Progress:
    """Takes steps from any thread. As a context it shows them live where standard error is a terminal.

    Without `launch_logs` they are kept by somebody else.
    """

    def __init__(self, launch_logs: LaunchLogs | None) -> None:
        self._launch_logs = launch_logs
        self._display: Display = PlainLines()
        self._shown = ExitStack()
        self._kept_at: dict[InstanceKey, float] = {}

    def __enter__(self) -> Self:
        if sys.stderr.isatty() and not is_dumb():
            from ozwald.cli.live import LiveDisplay

            live = LiveDisplay(console(stderr=True))
            self._shown.enter_context(live.shown())
            self._display = live
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._display = PlainLines()
        self._shown.close()

    def report(self, step: Step) -> None:
        """Shows one step, and keeps it with its detail unless it is passing."""
        if not step.quiet:
            self._display.show(step)
        if not step.passing and self._launch_logs is not None:
            self._keep(step, self._launch_logs)

    def _keep(self, step: Step, launch_logs: LaunchLogs) -> None:
        now = time.monotonic()
        took_s = now - self._kept_at.get(step.key, now)
        self._kept_at[step.key] = now
        took = f" [{took_s:.1f} s]" if took_s >= SHORT_S else ""
        try:
            entry = f"{step.host}: {step.text}{took}\n{step.detail}".rstrip()
            launch_logs.append(step.key, entry, at=time.time())
        except StateError as error:
            log.warning("%s", error)


class PlainLines:
    """A line for each step, for passing ones every two seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._shown_at: dict[InstanceKey, float] = {}

    def show(self, step: Step) -> None:
        if step.passing and not self._is_due(step.key):
            return
        with self._lock, suppress(OSError, ValueError):  # nobody may be reading; the work goes on
            click.echo(harmless_line(f"{step.host}  {step.key}  {step.text}"), err=True)

    def _is_due(self, key: InstanceKey) -> bool:
        now = time.monotonic()
        if now - self._shown_at.get(key, 0.0) < PASSING_EVERY_S:
            return False
        self._shown_at[key] = now
        return True
