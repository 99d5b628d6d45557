"""One connection: its client gets one answer at a time, and has a deadline for everything it is waited for."""

import io
import socket as sockets
from enum import Enum
from typing import Any, Final

from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import HTTPChannel

from ozwald.api.access import UNAUTHORIZED
from ozwald.api.strict_http import JsonErrorTask, KeepingTask, Refused, StrictParser


class Stage(Enum):
    """What a connection waits for."""

    WORK = "our own work"
    IDLE = "the next request"
    HEAD = "the rest of the headers"
    BODY = "the rest of the body"
    ANSWER = "the client to read the answer"
    END = "the client to hang up"


# Seconds; a megabyte in 30 s is 35 kB/s.
PATIENCE: Final = {Stage.IDLE: 60.0, Stage.HEAD: 10.0, Stage.BODY: 30.0, Stage.ANSWER: 60.0, Stage.END: 2.0}

LONG_BYTES: Final = 8_192


class Channel(HTTPChannel):
    """waitress's channel, which has no deadlines and works ahead for clients that never read."""

    parser_class = StrictParser
    task_class = KeepingTask
    error_task_class = JsonErrorTask
    # What waitress's type stubs leave out.
    server: Any
    socket: Any
    request: Any
    requests: Any
    requests_lock: Any
    _flush_exception: Any
    _flush_some_if_lockable: Any

    def __init__(self, server: Any, sock: sockets.socket, addr: Any, adj: Any, map: Any = None) -> None:  # noqa: A002
        self._ahead = b""
        self._has_said_goodbye = False
        self._requests_taken = 0
        self._waiting: tuple[Stage, int] = (Stage.IDLE, -1)
        self._waiting_since = 0.0
        self.address = network_of(addr[0])
        super().__init__(server, sock, addr, adj, map=map)

    @property
    def stage(self) -> Stage:
        if self._has_said_goodbye:
            return Stage.END
        if self.total_outbufs_len:
            return Stage.ANSWER
        if self.requests or self.close_when_flushed or self._ahead:
            return Stage.WORK
        if self.request is None:
            return Stage.IDLE
        return Stage.BODY if self.request.headers_finished else Stage.HEAD

    @property
    def is_busy(self) -> bool:
        """Whether an answer to it is being made."""
        return self.stage is Stage.WORK

    def check_deadline(self, now: float) -> None:
        """Ends the wait for a client that takes too long; `now` is seconds on the monotonic clock."""
        waiting = self.stage, self._requests_taken
        if waiting != self._waiting:
            self._waiting, self._waiting_since = waiting, now
        elif now - self._waiting_since > PATIENCE.get(waiting[0], now):
            if waiting[0] in (Stage.HEAD, Stage.BODY):
                self._refuse(Refused(408, "Request Timeout", "the request did not arrive in time"))
            else:
                self.handle_close()

    # What follows is called by waitress, in the thread of its loop.

    # These two are asked of every connection at every turn of the loop, and are written to be quick.

    def readable(self) -> bool:
        if self.requests or self._ahead or self.total_outbufs_len or not self.connected:
            return False
        return self._has_said_goodbye or not (self.will_close or self.close_when_flushed)

    def writable(self) -> Any:
        if self.total_outbufs_len or self.will_close or self.close_when_flushed:
            return self.connected
        return self._ahead and self.connected and not self.requests

    def handle_write(self) -> None:
        """Sends what is left of the answer; only when it is out, the next request is taken or the end is said."""
        if self.total_outbufs_len:
            self._flush_exception(self._flush_some_if_lockable)
        if self.will_close:
            self.handle_close()
        elif self.connected and not self.total_outbufs_len:
            if self.close_when_flushed:
                self._say_goodbye()
            elif self._ahead:
                self.received(b"")

    def received(self, data: bytes) -> bool:
        """Takes one request at a time; what was sent ahead of its answer waits as the bytes it is."""
        with self.requests_lock:
            if self._has_said_goodbye or self.will_close or self.close_when_flushed:
                return False
            self._ahead = self._take(self._ahead + data)
        return True

    def handle_close(self) -> None:
        self._ahead = b""
        super().handle_close()

    def add_channel(self, map: Any = None) -> None:  # noqa: A002
        super().add_channel(map)
        self.server.crowd.enter(self, self.address)

    def del_channel(self, map: Any = None) -> None:  # noqa: A002
        super().del_channel(map)
        self.server.crowd.leave(self, self.address)

    # And this by its workers.

    def write_soon(self, data: Any) -> int:
        """Sends at once what the client can take; a long answer is shared by all who get it, and never copied."""
        sent = self._send_now(data) if isinstance(data, bytes) else 0
        if sent == len(data):
            return sent
        rest: Any = _rest(data, sent) if len(data) > LONG_BYTES else data[sent:]
        return sent + int(super().write_soon(rest))

    def _send_now(self, data: bytes) -> int:
        with self.outbuf_lock:
            if not self.connected or self.total_outbufs_len:
                return 0
            try:
                return int(self.send(data, do_close=False))
            except OSError:
                return 0

    def _take(self, data: bytes) -> bytes:
        """Reads one request and returns what is left of the data."""
        while data and not self.requests:
            if self.request is None:
                self.request = self.parser_class(self.adj)
            data = data[self.request.received(data) :]
            self._check_body()
            if self.request.completed:
                self._finish_taking()
        return data

    def _check_body(self) -> None:
        """Who has no key sends no body, and whoever waits for a word before sending one gets it."""
        request = self.request
        if request.completed or not request.headers_finished or request.body_rcv is None:
            return
        if not self.server.may_send_body(request.headers.get("AUTHORIZATION")):
            request.error = Refused(401, "Unauthorized", UNAUTHORIZED)
            request.completed = True
        elif request.expect_continue and not self.sent_continue:
            self.send_continue()

    def _finish_taking(self) -> None:
        request, self.request, self.sent_continue = self.request, None, False
        if request.empty:
            return
        self._requests_taken += 1
        self.server.crowd.has_done(self, self.address)
        self.requests.append(request)
        self.server.add_task(self)

    def _refuse(self, error: Refused) -> None:
        with self.requests_lock:
            if self.request is not None:
                self.request.error, self.request.completed = error, True
                self._ahead = b""
                self._finish_taking()

    def _say_goodbye(self) -> None:
        """Ends our side first: closing while the client still sends would destroy the answer on its way."""
        self._has_said_goodbye, self.close_when_flushed, self._ahead = True, False, b""
        try:
            self.socket.shutdown(sockets.SHUT_WR)
        except OSError:
            self.handle_close()


def _rest(data: bytes, begin: int) -> ReadOnlyFileBasedBuffer:
    """What is left of some bytes, without a copy of them."""
    file = io.BytesIO(data)
    file.seek(begin)
    buffer = ReadOnlyFileBasedBuffer(file)
    buffer.prepare()
    return buffer


def network_of(address: str) -> str:
    """What counts as one client: an IPv4 address, or the network of 64 bits that an IPv6 client has to itself."""
    if ":" not in address:
        return address
    packed = sockets.inet_pton(sockets.AF_INET6, address.partition("%")[0])
    return packed[:8].hex()
