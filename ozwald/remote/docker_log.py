"""A container's log as the engine streams it: one pipe, read until the log or the caller ends it."""

import calendar
import json
import re
import struct
import time
from collections.abc import Iterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http.client import parse_headers
from io import BytesIO
from typing import Final
from urllib.parse import quote, urlencode

from ozwald.errors import EngineError, Failure, HostError
from ozwald.remote import docker_answers, docker_failures
from ozwald.remote.command import Stream
from ozwald.remote.docker_client import DockerClient, raise_for_status
from ozwald.remote.docker_transport import BASE_URL, exchange_heads
from ozwald.remote.engine import LogPiece, LogStream
from ozwald.remote.pipes import LinkLostError, Pipe
from ozwald.remote.text import clean

START_S: Final = 15.0
STALL_S: Final = 60.0
PIECE: Final = 64 * 1024
ERROR_BYTES: Final = 64 * 1024
FRAME: Final = struct.Struct(">BxxxI")  # stream and length, before each message (Docker Engine API, "Stream format")
STREAMS: Final[dict[int, Stream]] = {0: "stdout", 1: "stdout", 2: "stderr"}
ENGINE_SPEAKS: Final = 3
WHOLE_BYTES: Final = 64 * 1024  # a longer message is passed on in parts
STAMP_BYTES: Final = 40
COPIED_BYTES: Final = 16 * 1024  # where Docker itself cuts a long line
STAMP: Final = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d)) ")
NANOSECONDS: Final = 1_000_000_000
WHAT: Final = "reading a container's log"


def begin_log(
    client: DockerClient, container_id: str, *, tail: int | None, since_ns: int | None, wait: bool
) -> LogStream:
    """See `ozwald.remote.engine.Engine.follow_logs`."""
    asked = {"stdout": "1", "stderr": "1", "timestamps": "1", "tail": "all" if tail is None else str(tail)}
    asked |= {"follow": "1"} if wait else {}
    asked |= {"since": f"{since_ns // NANOSECONDS}.{since_ns % NANOSECONDS:09d}"} if since_ns is not None else {}
    with client.call(WHAT, timeout_s=START_S):
        log = DockerLog(client.host_name, client.dial(START_S), wait=wait)
        log.start(f"{_path(client, container_id)}?{urlencode(asked)}")
    return log


def read_log(
    client: DockerClient, container_id: str, asked: Mapping[str, str], *, head: int | None, limit_bytes: int
) -> bytes:
    """See `ozwald.remote.engine.Engine.logs`; `asked` are parameters of the API."""
    url, parameters = BASE_URL + _path(client, container_id), {"stdout": "1", "stderr": "1", **asked}
    with client.call(WHAT, timeout_s=STALL_S), client.api.get(url, params=parameters, stream=True) as answer:
        raise_for_status(answer)
        return docker_answers.log_text(answer.iter_content(PIECE), head=head, limit_bytes=limit_bytes)


def _path(client: DockerClient, container_id: str) -> str:
    return f"/v{client.api.api_version}/containers/{quote(container_id, safe='')}/logs"


class DockerLog:
    """See `ozwald.remote.engine.LogStream`. Without `wait` the engine has to go on within `STALL_S`."""

    def __init__(self, host_name: str, pipe: Pipe, *, wait: bool) -> None:
        self._host_name = host_name
        self._pipe = pipe
        self._stall_s = None if wait else STALL_S
        self._asked = time.monotonic()
        self._end_ns: int | None = None
        self._messages = LogMessages()
        self._first = b""
        self._closed = False

    def start(self, path: str) -> None:
        """Asks for the log; raises EngineError where the engine does not give it.

        HTTP/1.0 has no chunks, each of which would cost as much as the line in it.
        """
        try:
            request = f"GET {path} HTTP/1.0\r\nHost: docker\r\n\r\n"
            head, self._first = exchange_heads(self._pipe, request.encode(), START_S)
            status = int(head.split(b" ", 2)[1])
            if status != 200:
                raise self._refused(status)
            headers = parse_headers(BytesIO(head.partition(b"\n")[2] + b"\r\n\r\n"))
            if "Transfer-Encoding" in headers:
                raise ValueError("the engine's proxy answers in chunks, which HTTP/1.0 does not know")
            if self._stall_s is not None and "Date" in headers:
                self._end_ns = (int(parsedate_to_datetime(headers["Date"]).timestamp()) + 1) * NANOSECONDS
        except BaseException as err:
            self._pipe.close()
            if isinstance(err, HostError) or not isinstance(err, docker_failures.BROKEN_ANSWERS):
                raise
            raise self._broken(err, START_S) from err

    def read(self) -> Sequence[LogPiece]:
        if self._is_past_end():
            return ()
        try:
            while True:
                content, self._first = self._first or self._pipe.recv(PIECE, self._stall_s), b""
                pieces = self._messages.feed(content) if content else self._messages.end()
                if pieces or not content:
                    return pieces
        except (LinkLostError, OSError, EOFError, ValueError) as err:
            if self._closed:
                return ()
            raise self._broken(err, self._stall_s or 0.0) from err

    def close(self) -> None:
        self._closed = True
        self._pipe.close()

    def _is_past_end(self) -> bool:
        """Whether the last message came after the log was asked for: what writes faster than it is read has no end.

        A moment further on than the time that has passed is of a clock that was wrong when the message was written.
        """
        if self._end_ns is None:
            return False
        passed_ns = int((time.monotonic() - self._asked + 1) * NANOSECONDS)
        return self._end_ns <= self._messages.at_ns <= self._end_ns + passed_ns

    def _refused(self, status: int) -> EngineError:
        said = self._first
        deadline = time.monotonic() + START_S
        while len(said) < ERROR_BYTES and (more := self._pipe.recv(PIECE, max(0.01, deadline - time.monotonic()))):
            said += more
        message = f"{WHAT}: Docker answered {status}: {clean(_explanation(said))}"
        failure = Failure.RETRYABLE if status in docker_failures.TEMPORARY else Failure.TERMINAL
        return EngineError(self._host_name, message, failure=failure, status=status)

    def _broken(self, err: Exception, limit_s: float) -> HostError:
        return docker_failures.unanswered(self._host_name, WHAT, err, failure=Failure.RETRYABLE, timeout_s=limit_s)


class LogMessages:
    """Takes the answer of `GET /containers/{id}/logs?timestamps=1` apart, however it arrives.

    Each message is in a frame that says its stream; a terminal's output has no frames and is all stdout. What
    makes no sense raises ValueError, an answer that ends within a frame EOFError. `at_ns` is the last one's moment.
    """

    def __init__(self) -> None:
        self._rest = b""
        self._is_framed: bool | None = None
        self._wrong: ValueError | None = None
        self._left = 0
        self._number = 0
        self.at_ns = 0

    def feed(self, content: bytes) -> list[LogPiece]:
        """The messages that these bytes complete."""
        if self._wrong is not None:
            raise self._wrong
        content = self._rest + content
        if self._is_framed is None:
            self._is_framed = content[0] <= ENGINE_SPEAKS
        pieces: list[LogPiece] = []
        try:
            pieces.extend(self._frames(content) if self._is_framed else self._terminal(content))
        except ValueError as err:
            if not pieces:
                raise
            self._wrong = err
        return pieces

    def end(self) -> list[LogPiece]:
        """What was written last without ending the line."""
        if self._wrong is not None:
            raise self._wrong
        rest, self._rest = self._rest, b""
        if self._left or (rest and self._is_framed):
            raise EOFError("the answer broke off within a message")
        return [self._stamped(0, rest)] if rest else []

    def _frames(self, content: bytes) -> Iterator[LogPiece]:
        start, size = 0, len(content)
        while start < size:
            if self._left:
                part = content[start : start + self._left]
                yield self._piece(part)
                start, self._left = start + len(part), self._left - len(part)
                continue
            if size - start < FRAME.size:
                break
            number, length = FRAME.unpack_from(content, start)
            known = min(length, WHOLE_BYTES if length <= WHOLE_BYTES else STAMP_BYTES)
            body = start + FRAME.size
            if size - body < known:
                break
            if length:
                yield self._stamped(number, content[body : body + known])
            start, self._left = body + known, length - known
        self._rest = content[start:]

    def _terminal(self, content: bytes) -> Iterator[LogPiece]:
        start = 0
        while True:
            stamp = STAMP.match(content, start)
            longest = (stamp.end() if stamp else start) + COPIED_BYTES
            end = content.find(b"\n", start, longest) + 1 or (longest if len(content) >= longest else 0)
            if not end:
                break
            yield self._stamped(0, content[start:end])
            start = end
        self._rest = content[start:]

    def _stamped(self, number: int, message: bytes) -> LogPiece:
        """A message that begins with its moment; the rest of a terminal's line that Docker has cut may have none."""
        self._number = number
        if number == ENGINE_SPEAKS:
            raise ValueError(clean(message))
        if message[29:31] == b"Z " and message[19:20] == b".":
            self.at_ns = _epoch_s(message[:19]) * NANOSECONDS + int(message[20:29])
            return self._piece(message[31:])
        stamp = STAMP.match(message)
        if stamp is not None:
            self.at_ns = _moment_ns(stamp)
        elif self._is_framed or not self.at_ns:
            raise ValueError("a line of the log has no moment")
        return self._piece(message[stamp.end() :] if stamp else message)

    def _piece(self, content: bytes) -> LogPiece:
        if self._number not in STREAMS:
            raise ValueError(f"there is no stream {self._number}")
        return LogPiece(self.at_ns, STREAMS[self._number], content)


@lru_cache(maxsize=64)
def _epoch_s(text: bytes) -> int:
    return calendar.timegm(time.strptime(text.decode("ascii"), "%Y-%m-%dT%H:%M:%S"))


def _moment_ns(stamp: re.Match[bytes]) -> int:
    seconds, fraction, sign, hours, minutes = stamp.groups()
    ahead_s = (int(hours) * 60 + int(minutes)) * 60 if sign else 0
    at_s = _epoch_s(seconds) + (ahead_s if sign == b"-" else -ahead_s)
    return at_s * NANOSECONDS + int((fraction or b"0").ljust(9, b"0"))


def _explanation(said: bytes) -> str:
    try:
        return str(json.loads(said)["message"])
    except (ValueError, LookupError, TypeError):
        return said.decode("utf-8", "replace")
