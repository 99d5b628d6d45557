"""HTTP for the Docker SDK over kept-alive byte pipes: SSH channels, or the local socket."""

import io
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import inf
from typing import Any, Final

import requests
import requests.adapters
import urllib3
import urllib3.connection

from ozwald.remote.pipes import Pipe

BASE_URL: Final = "http://docker:80"
POOL_SIZE: Final = 64  # idle pipes that are kept; urllib3 warns about each one beyond
ANSWER_BYTES: Final = 256 << 20
PIECE: Final = 32 * 1024
HEAD_BYTES: Final = 64 * 1024


def exchange_heads(pipe: Pipe, request: bytes, timeout_s: float) -> tuple[bytes, bytes]:
    """Sends a request and returns the head of the answer and what has come behind it already.

    Raises EOFError where the answer breaks off in its head, TimeoutError, OSError.
    """
    deadline = time.monotonic() + timeout_s
    pipe.send(request, timeout_s)
    answer = b""
    while b"\r\n\r\n" not in answer:
        piece = pipe.recv(PIECE, max(0.01, deadline - time.monotonic()))
        answer += piece
        if not piece or len(answer) > HEAD_BYTES:
            raise EOFError("the answer broke off")
    head, _, rest = answer.partition(b"\r\n\r\n")
    return head, rest


class CallLimits(threading.local):
    """What the call on this thread may still take, and whether any byte of it went out."""

    deadline: float = inf
    stall_s: float = inf
    room_bytes: float = inf
    sent: bool = False

    @contextmanager
    def call(self, *, timeout_s: float, stall_s: float = inf) -> Iterator[None]:
        """Bounds every request made in the block, all together."""
        self.deadline = time.monotonic() + timeout_s
        self.stall_s, self.room_bytes, self.sent = stall_s, ANSWER_BYTES, False
        try:
            yield
        finally:
            self.deadline, self.stall_s, self.room_bytes = inf, inf, inf

    def remaining_s(self) -> float | None:
        """Seconds for the next read or write, None if unlimited; raises TimeoutError when none are left."""
        left = min(self.deadline - time.monotonic(), self.stall_s)
        if left <= 0:
            raise TimeoutError("timed out")
        return None if left == inf else left

    def received(self, count: int) -> None:
        self.room_bytes -= count
        if self.room_bytes < 0:
            raise OSError("the answer is larger than expected")


Dial = Callable[[float | None], Pipe]


class PipeAdapter(requests.adapters.HTTPAdapter):
    """Sends requests over pipes that `dial` opens, keeping idle ones for the next call."""

    def __init__(self, dial: Dial, limits: CallLimits) -> None:
        super().__init__()
        self._pool = _Pool(dial, limits)

    def get_connection_with_tls_context(self, *_: object, **__: object) -> Any:
        return self._pool

    def request_url(self, request: requests.PreparedRequest, proxies: object) -> str:
        return request.path_url

    def drop_idle(self) -> None:
        """Closes the pipes that wait for the next call."""
        self._pool.drop_idle()

    def close(self) -> None:
        self._pool.close()
        super().close()


class _Pool(urllib3.HTTPConnectionPool):
    def __init__(self, dial: Dial, limits: CallLimits) -> None:
        super().__init__("docker", maxsize=POOL_SIZE)
        self._dial, self._limits = dial, limits

    def _new_conn(self) -> Any:
        return _Connection(self._dial, self._limits)

    def drop_idle(self) -> None:
        with suppress(queue.Empty, AttributeError):  # the pool is None once it is closed
            while True:
                idle = self.pool.get(block=False)  # type: ignore[union-attr]
                if idle is not None:
                    idle.close()


class _Connection(urllib3.connection.HTTPConnection):
    def __init__(self, dial: Dial, limits: CallLimits) -> None:
        super().__init__("docker")
        self._dial, self._limits = dial, limits

    def connect(self) -> None:
        pipe = self._dial(self._limits.remaining_s())
        self.sock = _PipeSocket(pipe, self._limits)

    @property
    def is_connected(self) -> bool:
        """urllib3 would select() on a file number, which costs a channel two more descriptors."""
        return isinstance(self.sock, _PipeSocket) and self.sock.pipe.is_idle()


class _PipeSocket:
    """As much of a socket as http.client uses."""

    def __init__(self, pipe: Pipe, limits: CallLimits) -> None:
        self.pipe, self._limits = pipe, limits

    def sendall(self, content: bytes) -> None:
        for start in range(0, len(content), PIECE):
            timeout_s = self._limits.remaining_s()
            self._limits.sent = True
            self.pipe.send(content[start : start + PIECE], timeout_s)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_PipeReader(self.pipe, self._limits), buffer_size=PIECE)

    def settimeout(self, timeout_s: float | None) -> None:
        """CallLimits bound the reads: urllib3's timeout would start again with every one of them."""

    def close(self) -> None:
        self.pipe.close()


class _PipeReader(io.RawIOBase):
    def __init__(self, pipe: Pipe, limits: CallLimits) -> None:
        self._pipe, self._limits = pipe, limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        content = self._pipe.recv(len(buffer), self._limits.remaining_s())
        self._limits.received(len(content))
        buffer[: len(content)] = content
        return len(content)
