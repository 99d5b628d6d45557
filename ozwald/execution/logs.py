"""Reads what instances have written up to now, merged by the engines' moments."""

import heapq
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from ozwald.errors import HostError
from ozwald.execution.log_lines import Lines, LogLine, Position
from ozwald.model.plan import InstanceKey
from ozwald.remote.engine import Engine, LogStream

AT_ONCE: Final = 32
BATCH_LINES: Final = 512
BATCH_BYTES: Final = 1 << 20

EngineOf = Callable[[str], Engine]
Tell = Callable[[InstanceKey, str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which lines are asked for: the first `top` or the last `last`, from `since_ns` on (nanoseconds, epoch)."""

    top: int | None = None
    last: int | None = None
    since_ns: int | None = None


class InstanceLog:
    """The log of one instance, in whichever container it is, and how far it has been read."""

    def __init__(self, key: InstanceKey, host: str | None, container_id: str | None) -> None:
        self.key = key
        self.host = host
        self.container_id = container_id
        self.started_at = ""
        self._positions: dict[tuple[str | None, str | None], Position] = {}

    @property
    def position(self) -> Position:
        """How far its present container's log has been read."""
        return self._positions.setdefault((self.host, self.container_id), Position())


class OpenStreams:
    """The streams that are being read; once closed it opens no more."""

    def __init__(self, engine_of: EngineOf) -> None:
        self._engine_of = engine_of
        self._lock = threading.Lock()
        self._open: set[LogStream] = set()
        self._closed = False

    def begin(self, log: InstanceLog, *, tail: int | None = None, since_ns: int | None = None, wait: bool) -> LogStream:
        """Asks for the log of an instance's present container; raises HostError."""
        engine = self._engine_of(log.host or "")
        stream = engine.follow_logs(log.container_id or "", tail=tail, since_ns=since_ns, wait=wait)
        with self._lock:
            self._open.add(stream)
            if not self._closed:
                return stream
        stream.close()
        return stream

    def end(self, stream: LogStream) -> None:
        """Closes one stream."""
        stream.close()
        with self._lock:
            self._open.discard(stream)

    def close(self) -> None:
        """Closes all streams; whoever reads one finds its end."""
        with self._lock:
            self._closed = True
            streams, self._open = self._open, set()
        for stream in streams:
            stream.close()


def past_lines(
    logs: Sequence[InstanceLog], engine_of: EngineOf, *, asked: Asked, failed: Tell
) -> Iterator[list[LogLine]]:
    """What was written up to now in batches, ordered by the engines' moments; `failed` is told of each log that is not.

    The positions of the logs move on with what is read.
    """
    streams = OpenStreams(engine_of)

    def begin(log: InstanceLog) -> Iterator[LogLine]:
        try:
            stream = streams.begin(log, tail=asked.last, since_ns=asked.since_ns, wait=False)
        except HostError as error:
            failed(log.key, str(error))
            return iter(())
        return itertools.islice(_lines(log, stream, failed), asked.top)

    try:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="log") as pool:
            begun = list(pool.map(begin, logs))
        merged = heapq.merge(*begun, key=lambda line: line.at_ns) if len(begun) > 1 else itertools.chain(*begun)
        yield from _batches(merged)
    finally:
        streams.close()


def _batches(lines: Iterable[LogLine]) -> Iterator[list[LogLine]]:
    """Few writes for many short lines, and little memory for long ones."""
    batch, size = [], 0
    for line in lines:
        batch.append(line)
        size += len(line.text)
        if len(batch) >= BATCH_LINES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _lines(log: InstanceLog, stream: LogStream, failed: Tell) -> Iterator[LogLine]:
    """The lines of one stream up to its end."""
    lines = Lines(log.key, log.host or "")
    try:
        while pieces := stream.read():
            log.position.pass_by(pieces)
            yield from lines.add(pieces)
    except HostError as error:
        failed(log.key, str(error))
    yield from lines.end(log.position.at_ns)
