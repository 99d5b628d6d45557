"""Follows the logs of instances live, through restarts, replacements and lost connections."""

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Final, Protocol

from ozwald.errors import NothingReachable, OzwaldError
from ozwald.execution.log_lines import Lines, LogLine, Reorder
from ozwald.execution.logs import EngineOf, InstanceLog, OpenStreams, Tell
from ozwald.model.active import ActiveService
from ozwald.model.plan import InstanceKey
from ozwald.remote.engine import Engine

WINDOW_S: Final = 0.15
WAITING_BATCHES: Final = 64
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 2.0
EVERYWHERE_S: Final = 5.0
END_S: Final = 2.0
MANY: Final = 8


class Lookout(Protocol):
    """Knows where instances have their containers; see `Whereabouts`."""

    def near(self, key: InstanceKey, host: str | None) -> ActiveService | None: ...

    def everywhere(self, key: InstanceKey) -> ActiveService | None: ...

    def is_wanted(self, key: InstanceKey) -> bool: ...


class Following:
    """Follows each log from its position on, in a thread of its own; `tell` gets what else happens to an instance."""

    def __init__(
        self,
        logs: Sequence[InstanceLog],
        engine_of: EngineOf,
        lookout: Lookout,
        *,
        since_ns: int | None,
        tell: Tell,
    ) -> None:
        self._logs = logs
        self._engine_of = engine_of
        self._lookout = lookout
        self._since_ns = since_ns or 0
        self._tell = tell
        self._streams = OpenStreams(engine_of)
        self._stop = threading.Event()
        self._coming: queue.Queue[list[LogLine] | None] = queue.Queue(WAITING_BATCHES)

    def lines(self) -> Iterator[list[LogLine]]:
        """Lines as they come, several instances' in the order of their moments as far as a moment's wait allows.

        Ends when every instance was removed; closing the iterator ends it, too.
        """
        threads = [threading.Thread(target=self._run, args=(log,), name="log", daemon=True) for log in self._logs]
        for thread in threads:
            thread.start()
        try:
            yield from self._in_order(len(threads))
        finally:
            self._stop.set()
            self._streams.close()
            over = time.monotonic() + END_S
            for thread in threads:
                thread.join(max(0.0, over - time.monotonic()))

    def _in_order(self, running: int) -> Iterator[list[LogLine]]:
        reorder = Reorder(WINDOW_S if running > 1 else 0.0)
        while running:
            with suppress(queue.Empty):
                batch = self._coming.get(timeout=reorder.wait_s(time.monotonic()))
                running -= batch is None
                reorder.add(batch or (), time.monotonic())
            if lines := reorder.take(time.monotonic()):
                yield lines
        yield reorder.take(float("inf"))

    def _pass_on(self, batch: list[LogLine] | None) -> None:
        """Waits where nobody takes what there is; the engine then waits, too."""
        while not self._stop.is_set():
            with suppress(queue.Full):
                self._coming.put(batch, timeout=FIRST_PAUSE_S)
                return

    def _run(self, log: InstanceLog) -> None:
        troubles = 0
        try:
            while not self._stop.is_set():
                try:
                    if log.container_id:
                        self._read_on(log)
                    if not self._has_more(log):
                        return
                    troubles = 0
                except OzwaldError as error:
                    if not troubles and not self._stop.is_set():
                        self._tell(log.key, f"{_why(error)}; trying again")
                    self._stop.wait(min(FIRST_PAUSE_S * 2**troubles, LONGEST_PAUSE_S))
                    troubles = min(troubles + 1, MANY)
        finally:
            self._pass_on(None)

    def _read_on(self, log: InstanceLog) -> None:
        """Passes on what the present container writes from the position on, until it ends."""
        state = self._engine(log).state(log.container_id or "")
        if state is None:
            return
        log.started_at = state.started_at
        lines, resumed = Lines(log.key, log.host or ""), log.position.resumed()
        since_ns = max(log.position.at_ns, self._since_ns)
        stream = self._streams.begin(log, since_ns=since_ns or None, wait=True)
        try:
            while pieces := stream.read():
                fresh = resumed.fresh(pieces)
                log.position.pass_by(fresh)
                if batch := lines.add(fresh):
                    self._pass_on(batch)
        finally:
            self._streams.end(stream)
            if rest := lines.end(log.position.at_ns):
                self._pass_on(rest)

    def _has_more(self, log: InstanceLog) -> bool:
        """Waits until the instance's container has been started again or has a successor; False when there is none."""
        pause_s, everywhere_at, is_told = FIRST_PAUSE_S, time.monotonic(), False
        while not self._stop.wait(pause_s):
            pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
            service = self._lookout.near(log.key, log.host)
            if service is None and time.monotonic() >= everywhere_at:
                everywhere_at = time.monotonic() + EVERYWHERE_S
                service = self._lookout.everywhere(log.key)
            if service is None:
                if not self._lookout.is_wanted(log.key):
                    self._tell(log.key, "it was removed")
                    return False
            elif (service.host, service.container_id) != (log.host, log.container_id):
                self._move(log, service)
                return True
            elif self._was_started(log):
                return True
            elif not is_told:
                is_told = True
                self._tell(log.key, f"its container has ended ({service.reason}); waiting for it to start again")
        return False

    def _move(self, log: InstanceLog, service: ActiveService) -> None:
        log.host, log.container_id = service.host, service.container_id
        self._tell(log.key, f"going on with container {(service.container_id or '')[:12]} on {service.host}")

    def _was_started(self, log: InstanceLog) -> bool:
        state = self._engine(log).state(log.container_id or "")
        return state is not None and state.started_at != log.started_at

    def _engine(self, log: InstanceLog) -> Engine:
        return self._engine_of(log.host or "")


def _why(error: OzwaldError) -> str:
    return "; ".join(map(str, error.failures.values())) if isinstance(error, NothingReachable) else str(error)
