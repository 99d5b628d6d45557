"""The byte stream under an SSH transport: what was heard last, how much may come, and how fast."""

import socket
import time
from collections.abc import Callable
from typing import Final

import paramiko

QUIET_S: Final = 5.0  # of silence, until a host that owes an answer is asked whether it is there
ANSWER_S: Final = 5.0  # that it then has
EARLY_BYTES: Final = 256 << 10  # before the keys are agreed on; sshd needs some 3 KiB
OPENING_BYTES: Final = 300
RATE: Final = 4000.0  # a packet costs 1, and 1 more per 16 KiB: some 43 MB/s of large ones, 4000 small ones
BURST: Final = 20_000.0
COST_BYTES: Final = 16 << 10
LONGEST_REST_S: Final = 0.05


class SilentError(EOFError):
    """Nothing was heard for so long that the other end counts as gone."""


class Link:
    """A socket, or a channel through a jump host, as paramiko's packetizer uses one.

    `on_wait` is called whenever a read has waited in vain for the socket's timeout, on the reader's thread.
    """

    def __init__(self, sock: socket.socket | paramiko.Channel) -> None:
        self._sock = sock
        self._stuck_since: float | None = None
        self._early_room: int | None = EARLY_BYTES
        self.opening = b""
        self.is_overrun = False
        self.heard = time.monotonic()
        self.on_wait: Callable[[], None] = _nothing

    def recv(self, size: int) -> bytes:
        try:
            content = self._sock.recv(size)
        except TimeoutError:
            self.on_wait()
            raise
        self.heard = time.monotonic()
        if self._early_room is not None:
            self._count_early(content)
        return content

    def send(self, content: bytes) -> int:
        """Sends some of the content; raises SilentError where nothing has gone out or come in for long."""
        try:
            sent = self._sock.send(content)
        except TimeoutError:
            self._stuck_since = self._stuck_since or time.monotonic()
            if time.monotonic() - max(self._stuck_since, self.heard) >= QUIET_S + ANSWER_S:
                raise SilentError("it takes nothing any more") from None
            raise
        self._stuck_since = None
        return sent

    def close(self) -> None:
        self._sock.close()

    def end_early(self) -> None:
        """The keys are agreed on: the limit for strangers ends."""
        self._early_room = None

    def _count_early(self, content: bytes) -> None:
        self.opening = (self.opening + content)[:OPENING_BYTES] if len(self.opening) < OPENING_BYTES else self.opening
        assert self._early_room is not None
        self._early_room -= len(content)
        if self._early_room < 0:
            self.is_overrun = True
            raise EOFError("it sends without end before any keys are agreed on")


class Pace:
    """Lets packets through at a bounded rate, so that one host's flood leaves the processor to the others."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep):
        self._clock = clock
        self._sleep = sleep
        self._left = BURST
        self._since = clock()

    def take(self, size: int, *, cost: float = 0.0) -> None:
        """Waits a moment when the packets so far have been too many."""
        self._left -= 1 + size / COST_BYTES + cost
        if self._left >= 0:
            return
        now = self._clock()
        self._left = min(BURST, self._left + (now - self._since) * RATE)
        self._since = now
        if self._left < 0:
            self._sleep(min(LONGEST_REST_S, -self._left / RATE))


def _nothing() -> None:
    """For a link that nobody watches."""
