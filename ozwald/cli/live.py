"""The live display of work on hosts: a line for each instance in work, those that have ended above."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from ozwald.cli.harmless import harmless_line
from ozwald.execution.steps import Step
from ozwald.model.plan import InstanceKey

REFRESHES_PER_S = 8
BAR_WIDTH = 20
SPARE_ROWS = 2


@dataclass
class _Row:
    """An instance in work; `begun` is on the monotonic clock."""

    begun: float
    step: Step


class LiveDisplay:
    """Takes steps from any thread. Nothing is shown before the first one and after `close`."""

    def __init__(self, console: Console, *, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._now = now
        self._lock = threading.Lock()
        self._rows: dict[tuple[InstanceKey, str], _Row] = {}
        self._live = Live(
            console=console, get_renderable=self._render, refresh_per_second=REFRESHES_PER_S, transient=True
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Shows the lines while the block runs; what is logged meanwhile goes above them."""
        with suppress(OSError, ValueError):  # nobody may be looking; the work goes on
            self._live.start()
            self._console.show_cursor(True)  # a process that is killed cannot bring it back
        try:
            with _logging_to_stderr():
                yield
        finally:
            with suppress(OSError, ValueError):
                self._live.stop()

    def show(self, step: Step) -> None:
        """Replaces the instance's line, or ends it."""
        with self._lock:
            row = self._rows.setdefault((step.key, step.host), _Row(self._now(), step))
            row.step = step
            if not step.is_last:
                return
            del self._rows[step.key, step.host]
        with suppress(OSError, ValueError):
            self._console.print(self._ended(row), soft_wrap=True)

    def _ended(self, row: _Row) -> Text:
        is_done = row.step.text == "done"
        took = f" after {_elapsed(self._now() - row.begun)}" if is_done else ""
        line = harmless_line(f"{row.step.host}  {row.step.key}  {row.step.text}{took}")
        return Text(line, style="" if is_done else "red")

    def _render(self) -> Table:
        table = Table.grid(padding=(0, 2), expand=True)
        for _ in range(2):
            table.add_column(no_wrap=True, overflow="ellipsis")
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        table.add_column(justify="right", no_wrap=True)
        with self._lock:
            rows = list(self._rows.values())
        room = max(1, self._console.height - SPARE_ROWS)
        for row in rows[:room]:
            table.add_row(row.step.host, Text(str(row.step.key)), _step(row.step), _elapsed(self._now() - row.begun))
        if len(rows) > room:
            table.add_row("", "", Text(f"… and {len(rows) - room} more"), "")
        return table


def _step(step: Step) -> Table | Text:
    text = Text(harmless_line(step.text), no_wrap=True, overflow="ellipsis")
    if step.pull is None or not step.pull.total_bytes:
        return text
    with_bar = Table.grid(padding=(0, 1), expand=True)
    with_bar.add_column(width=BAR_WIDTH)
    with_bar.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    bar = ProgressBar(
        step.pull.total_bytes,
        step.pull.got_bytes,
        width=BAR_WIDTH,
        complete_style="cyan",
        finished_style="green",
    )
    with_bar.add_row(bar, text)
    return with_bar


def _elapsed(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 60 else f"{int(seconds // 60)}:{int(seconds % 60):02} min"


@contextmanager
def _logging_to_stderr() -> Iterator[None]:
    """Log handlers keep the stream they were made with, past the display, which has put itself in front of it."""
    streaming = [one for one in logging.getLogger().handlers if isinstance(one, logging.StreamHandler)]
    moved = [(handler, former) for handler in streaming if (former := handler.setStream(sys.stderr)) is not None]
    try:
        yield
    finally:
        for handler, former in moved:
            handler.setStream(former)
