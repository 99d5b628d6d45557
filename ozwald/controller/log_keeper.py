"""Keeps what services write: follows the log of each container that runs, and writes it down."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ozwald.controller.board import View
from ozwald.errors import HostError, NothingReachable, StateError
from ozwald.execution.log_lines import Position, Resumed
from ozwald.model.active import ActiveService, Status
from ozwald.model.log import LogMessage, LogSource
from ozwald.model.plan import InstanceKey
from ozwald.remote.engine import Engine, LogPiece, LogStream
from ozwald.state.service_logs import ServiceLogs

log = logging.getLogger(__name__)

# Of what was written while nobody followed, the files hold about as much.
MOST_MESSAGES: Final = 20_000
# Who writes faster than this is not followed line by line, since the files would not keep it.
FLOOD_BYTES: Final = 1024 * 1024
FLOOD_S: Final = 2.0
OPENED_AT_ONCE: Final = 16
FIRST_PAUSE_S: Final = 4.0
LONGEST_PAUSE_S: Final = 300.0
END_S: Final = 2.0
_RUNNING: Final = frozenset({Status.STARTING, Status.AVAILABLE, Status.STOPPING})

_Place = tuple[str, str]


@dataclass(slots=True)
class _Trouble:
    failures: int = 0
    until: float = 0.0


class LogKeeper:
    """A thread for each container that is followed, which waits while the container is silent."""

    def __init__(self, logs: ServiceLogs, engine_of: Callable[[str], Engine], *, flood_s: float = FLOOD_S) -> None:
        self._logs = logs
        self._engine_of = engine_of
        self._flood_s = flood_s
        self._lock = threading.Lock()
        self._opening = threading.BoundedSemaphore(OPENED_AT_ONCE)
        self._threads: dict[_Place, threading.Thread] = {}
        self._streams: dict[_Place, LogStream] = {}
        self._read_to_end: set[_Place] = set()
        self._positions: dict[_Place, Position] = {}
        self._troubles: dict[_Place, _Trouble] = {}
        self._stopped = threading.Event()

    def seen(self, _before: View, now: View) -> None:
        """The loop has looked: what runs now is followed, what has ended is read to its end."""
        self.attend(now.services)

    def attend(self, services: Iterable[ActiveService]) -> None:
        """Follows these services' containers, as far as they can be reached; returns at once."""
        here = {(one.host, one.container_id): one for one in services if one.host and one.container_id}
        with self._lock:
            self._read_to_end &= here.keys()
            for known in (self._troubles, self._positions):
                for place in known.keys() - here.keys() - self._threads.keys():
                    del known[place]
            for (host, container), service in here.items():
                if self._is_due((host, container), service):
                    self._begin((host, container), service)

    def stop(self) -> None:
        """Follows nothing any more; what was read is written down."""
        self._stopped.set()
        with self._lock:
            streams, threads = list(self._streams.values()), list(self._threads.values())
        for stream in streams:
            stream.close()
        over = time.monotonic() + END_S
        for thread in threads:
            thread.join(max(0.0, over - time.monotonic()))

    def _is_due(self, place: _Place, service: ActiveService) -> bool:
        if self._stopped.is_set() or place in self._threads or service.status is Status.UNREACHABLE:
            return False
        if place in self._troubles and time.monotonic() < self._troubles[place].until:
            return False
        return service.status in _RUNNING or place not in self._read_to_end

    def _begin(self, place: _Place, service: ActiveService) -> None:
        source = LogSource(
            container_id=place[1],
            host=place[0],
            service=service.service,
            variety=service.variety,
            profile=service.profile,
        )
        thread = threading.Thread(target=self._run, args=(place, service.key, source), name="log", daemon=True)
        self._threads[place] = thread
        thread.start()

    def _run(self, place: _Place, key: InstanceKey, source: LogSource) -> None:
        try:
            position = self._positions.get(place)
            if position is None:
                position = self._positions[place] = Position(*self._logs.position(key, source.container_id))
            while not self._stopped.is_set() and self._is_flooded_by(place, key, source, position):
                self._stopped.wait(self._flood_s)
        except (HostError, NothingReachable, StateError) as error:
            self._failed(place, key, error)
        except Exception:
            log.exception("%s: keeping the log of %s failed", source.host, key)
            self._failed(place, key, None)
        else:
            self._ended(place)

    def _is_flooded_by(self, place: _Place, key: InstanceKey, source: LogSource, position: Position) -> bool:
        """Writes down what comes until the container ends, or until it was too much at once."""
        stream = self._open(place, source, position)
        resumed, begun, size, is_first = position.resumed(), time.monotonic(), 0, True
        try:
            while pieces := stream.read():
                size += self._keep(key, source, position, resumed, pieces, is_first=is_first)
                is_first = False
                if size > FLOOD_BYTES:
                    if time.monotonic() - begun < self._flood_s:
                        return True
                    begun, size = time.monotonic(), 0
        finally:
            stream.close()
            with self._lock:
                self._streams.pop(place, None)
        return False

    def _open(self, place: _Place, source: LogSource, position: Position) -> LogStream:
        with self._opening:
            engine = self._engine_of(source.host)
            since_ns = position.at_ns or None
            stream = engine.follow_logs(source.container_id, tail=MOST_MESSAGES, since_ns=since_ns, wait=True)
        with self._lock:
            self._streams[place] = stream
        if self._stopped.is_set():
            stream.close()
        return stream

    def _keep(
        self,
        key: InstanceKey,
        source: LogSource,
        position: Position,
        resumed: Resumed,
        pieces: Sequence[LogPiece],
        *,
        is_first: bool,
    ) -> int:
        """How many bytes that took. The last message that is known comes first again, unless some are missing."""
        is_gap = is_first and position.at_ns > 0 and pieces[0].at_ns > position.at_ns
        fresh = resumed.fresh(pieces)
        messages = (LogMessage(piece.at_ns, piece.stream, piece.content, source) for piece in fresh)
        size = self._logs.append(key, messages, after_gap=is_gap)
        position.pass_by(fresh)
        return size

    def _failed(self, place: _Place, key: InstanceKey, error: Exception | None) -> None:
        with self._lock:
            trouble = self._troubles.setdefault(place, _Trouble())
            trouble.failures += 1
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(trouble.failures - 1, 10))
            trouble.until = time.monotonic() + pause_s
            del self._threads[place]
        if error is not None and trouble.failures == 1 and not self._stopped.is_set():
            log.warning("the log of %s is not kept for now: %s", key, error)

    def _ended(self, place: _Place) -> None:
        with self._lock:
            del self._threads[place]
            self._read_to_end.add(place)
            self._troubles.pop(place, None)
