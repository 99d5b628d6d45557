"""Lines of logs: made of messages, put in order of their moments, and remembered as far as they were read."""

import heapq
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ozwald.model.plan import InstanceKey
from ozwald.remote.command import Stream
from ozwald.remote.engine import LogPiece

LONGEST_LINE = 64 * 1024
UTF8_BYTES = 4


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that an instance wrote, without its newline; `is_part` where the line goes on or was never ended.

    `at_ns` is the engine's moment, in nanoseconds since the epoch.
    """

    at_ns: int
    key: InstanceKey
    host: str
    stream: Stream
    text: bytes
    is_part: bool = False


class Lines:
    """Makes lines of one container's messages; a line without end comes in parts of `LONGEST_LINE` bytes."""

    def __init__(self, key: InstanceKey, host: str) -> None:
        self._key = key
        self._host = host
        self._begun: dict[Stream, bytes] = {}

    def add(self, pieces: Iterable[LogPiece]) -> list[LogLine]:
        """The lines that these messages complete."""
        lines = []
        for piece in pieces:
            text = self._begun.pop(piece.stream, b"") + piece.content if self._begun else piece.content
            if text.endswith(b"\n"):
                lines.append(self._line(piece, text[:-1]))
            elif len(text) < LONGEST_LINE:
                self._begun[piece.stream] = text
            else:
                whole, self._begun[piece.stream] = _between_characters(text)
                lines.append(self._line(piece, whole, is_part=True))
        return lines

    def end(self, at_ns: int) -> list[LogLine]:
        """What was written last without ending the line."""
        rest, self._begun = self._begun, {}
        return [LogLine(at_ns, self._key, self._host, stream, text, True) for stream, text in rest.items() if text]

    def _line(self, piece: LogPiece, text: bytes, *, is_part: bool = False) -> LogLine:
        return LogLine(piece.at_ns, self._key, self._host, piece.stream, text, is_part)


def _between_characters(text: bytes) -> tuple[bytes, bytes]:
    """Cuts a character off that has not come whole."""
    for back in range(1, UTF8_BYTES):
        if text[-back] >= 0xC0:
            return text[:-back], text[-back:]
        if text[-back] < 0x80:
            break
    return text, b""


class Position:
    """How far one container's log has been read: the latest moment, and how many messages had it."""

    def __init__(self, at_ns: int = 0, count: int = 0) -> None:
        self.at_ns = at_ns
        self._count = count

    def pass_by(self, pieces: Sequence[LogPiece]) -> None:
        """These have been read."""
        for piece in pieces:
            if piece.at_ns > self.at_ns:
                self.at_ns, self._count = piece.at_ns, 1
            elif piece.at_ns == self.at_ns:
                self._count += 1

    def resumed(self) -> "Resumed":
        """What drops the messages that are read again when reading goes on from here."""
        return Resumed(self.at_ns, self._count)


class Resumed:
    """Drops the first messages of one moment, which were read before."""

    def __init__(self, at_ns: int, count: int) -> None:
        self._at_ns = at_ns
        self._count = count

    def fresh(self, pieces: Sequence[LogPiece]) -> Sequence[LogPiece]:
        """Those that were not read before."""
        return [piece for piece in pieces if not self._was_read(piece)] if self._count else pieces

    def _was_read(self, piece: LogPiece) -> bool:
        if not self._count or piece.at_ns != self._at_ns:
            return False
        self._count -= 1
        return True


class Reorder:
    """Puts lines that come almost together in the order of their moments; keeps none longer than `window_s`.

    Past `most_bytes` lines leave early. Times are seconds of a monotonic clock.
    """

    def __init__(self, window_s: float, *, most_bytes: int = 8 << 20) -> None:
        self._window_s = window_s
        self._most_bytes = most_bytes
        self._waiting: list[tuple[int, int, LogLine]] = []
        self._due: deque[tuple[float, int]] = deque()
        self._added = 0
        self._gone: set[int] = set()
        self._bytes = 0

    def add(self, lines: Iterable[LogLine], now: float) -> None:
        for line in lines:
            heapq.heappush(self._waiting, (line.at_ns, self._added, line))
            self._due.append((now + self._window_s, self._added))
            self._added += 1
            self._bytes += len(line.text)

    def wait_s(self, now: float) -> float | None:
        """Seconds until the next line has to leave, None when there is none."""
        self._forget_gone()
        return max(0.0, self._due[0][0] - now) if self._due else None

    def take(self, now: float) -> list[LogLine]:
        """The lines that have to leave, and with them all that come before them."""
        taken = []
        while self._waiting and (self.wait_s(now) == 0.0 or self._bytes > self._most_bytes):
            _, number, line = heapq.heappop(self._waiting)
            self._gone.add(number)
            self._bytes -= len(line.text)
            taken.append(line)
        return taken

    def _forget_gone(self) -> None:
        while self._due and self._due[0][1] in self._gone:
            self._gone.discard(self._due.popleft()[1])
