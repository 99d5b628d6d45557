"""Shows on stderr how work on the hosts goes on, and keeps it in the launch logs."""

import logging
import threading
import time
from contextlib import suppress

import click

from ozwald.cli.harmless import harmless_line
from ozwald.errors import StateError
from ozwald.execution.steps import Step
from ozwald.model.plan import InstanceKey
from ozwald.state.launch_logs import LaunchLogs

log = logging.getLogger(__name__)

PASSING_EVERY_S = 2.0
SHORT_S = 0.05


class Progress:
    """Takes steps from any thread; passing ones are shown every two seconds and not kept."""

    def __init__(self, launch_logs: LaunchLogs) -> None:
        self._launch_logs = launch_logs
        self._lock = threading.Lock()
        self._shown_at: dict[InstanceKey, float] = {}
        self._kept_at: dict[InstanceKey, float] = {}

    def report(self, step: Step) -> None:
        """Shows one step as a line, and keeps it with its detail."""
        if not step.quiet and (not step.passing or self._is_due(step.key)):
            with self._lock, suppress(OSError, ValueError):  # nobody may be reading; the work goes on
                click.echo(harmless_line(f"{step.host}  {step.key}  {step.text}"), err=True)
        if not step.passing:
            self._keep(step)

    def _keep(self, step: Step) -> None:
        now = time.monotonic()
        took_s = now - self._kept_at.get(step.key, now)
        self._kept_at[step.key] = now
        took = f" [{took_s:.1f} s]" if took_s >= SHORT_S else ""
        try:
            entry = f"{step.host}: {step.text}{took}\n{step.detail}".rstrip()
            self._launch_logs.append(step.key, entry, at=time.time())
        except StateError as error:
            log.warning("%s", error)

    def _is_due(self, key: InstanceKey) -> bool:
        now = time.monotonic()
        if now - self._shown_at.get(key, 0.0) < PASSING_EVERY_S:
            return False
        self._shown_at[key] = now
        return True
