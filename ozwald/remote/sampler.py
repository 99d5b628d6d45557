"""Samples of a host while it works: its containers, its cards and itself, over one channel."""

import secrets
import threading
import time
from collections import deque
from functools import cache
from importlib import resources
from types import TracebackType
from typing import Final, Protocol, Self

import paramiko

from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.sample import Sample
from ozwald.remote.connection import HostConnection
from ozwald.remote.pipes import Pipe
from ozwald.remote.sample_lines import SampleReader

RATE_HZ: Final = 10.0
FULL_EVERY_S: Final = 1.0  # for what has a price, or does not change fast
CARDS_EVERY_S: Final = 1.0
SILENT_S: Final = 10.0
KEPT_S: Final = 60.0
AHEAD_S: Final = 2.0  # of ticks that are not answered, until no more are sent
FLOOD_BYTES: Final = 4 << 20  # without a sample; ten services and eight cards take 10 KiB
SEND_S: Final = 10.0
PIECE: Final = 64 << 10


class Sampler(Protocol):
    """Reads a host at a steady rate until it is closed; any thread may use it.

    Samples that nobody has read wait, a minute's worth at most: then the oldest are dropped.
    """

    def watch(self, container_id: str, pid: int) -> None:
        """Adds a running container, by the host's number of its first process (`ContainerState.pid`)."""

    def unwatch(self, container_id: str) -> None:
        """Leaves a container out again; one that was not watched is fine."""

    def read(self, timeout_s: float = SILENT_S) -> Sample:
        """The oldest sample not read yet, as soon as there is one.

        Raises ConnectionFailed: RETRYABLE when the link is lost or no sample came in time, TERMINAL when the host
        cannot be sampled. Nothing on the host has changed, so another sampler may go on.
        """

    def close(self) -> None:
        """Ends the host's side; a thread that reads gets a ConnectionFailed."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_sampler(
    connection: HostConnection, *, rate_hz: float = RATE_HZ, cards_every_s: float = CARDS_EVERY_S
) -> "HostSampler":
    """Starts to sample a host, `rate_hz` times a second and its cards every `cards_every_s`; raises ConnectionFailed.

    One script runs there and ends with the sampler, or some seconds after the link was lost.
    """
    mark = secrets.token_hex(8)
    pipe = connection.begin(["sh", "-s", mark, f"{SILENT_S:.0f}", f"{cards_every_s * 1000:.0f}"])
    return HostSampler(connection.host.name, pipe, mark, rate_hz=rate_hz, cards_every_s=cards_every_s)


class HostSampler:
    """See `Sampler`. A thread of its own sends the ticks and reads what comes.

    `mark` is in the script's command line, by which its process can be found on the host.
    """

    def __init__(self, host_name: str, pipe: Pipe, mark: str, *, rate_hz: float, cards_every_s: float) -> None:
        self.mark = mark
        self._host_name = host_name
        self._pipe = pipe
        self._rate_hz = rate_hz
        self._names: dict[str, str] = {}
        self._count = 0
        self._calls: deque[str] = deque()
        self._reader = SampleReader(mark, lambda number: self._names.get(number))
        self._unanswered = 0
        self._room = FLOOD_BYTES
        self._tick = _Due(1 / rate_hz)
        self._full = _Due(FULL_EVERY_S)
        self._cards = _Due(cards_every_s)
        self._waiting: deque[Sample] = deque(maxlen=max(1, round(KEPT_S * rate_hz)))
        self._changed = threading.Condition()
        self._error: ConnectionFailed | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name=f"sampler {host_name}", daemon=True)
        self._thread.start()

    def watch(self, container_id: str, pid: int) -> None:
        self.unwatch(container_id)
        with self._changed:
            self._count += 1
            self._names[str(self._count)] = container_id
            self._calls.append(f"watch {self._count} {container_id} {pid}\n")
            self._full.now()

    def unwatch(self, container_id: str) -> None:
        with self._changed:
            for number in [number for number, name in self._names.items() if name == container_id]:
                del self._names[number]
                self._calls.append(f"unwatch {number}\n")

    def read(self, timeout_s: float = SILENT_S) -> Sample:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._error, timeout_s)
            if self._waiting:
                return self._waiting.popleft()
            raise self._error or self._failed(f"no sample came within {timeout_s:g} s{self._complaint()}")

    def close(self) -> None:
        self._is_closed = True
        self._pipe.close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self) -> None:
        try:
            self._send(script())
            while True:
                self._send_what_is_due()
                self._take()
        except ConnectionFailed as err:
            error = err
        except (OSError, EOFError, paramiko.SSHException) as err:
            error = self._ended(err)
        with self._changed:
            self._error = error
            self._changed.notify_all()
        self._pipe.close()

    def _send_what_is_due(self) -> None:
        if not self._tick.is_due() or not self._reader.is_begun:
            return
        if self._unanswered >= AHEAD_S * self._rate_hz:
            return  # what it has to answer first would only grow
        with self._changed:
            calls = "".join(self._calls)
            self._calls.clear()
            calls += "cards\n" if self._cards.is_due() else ""
            calls += "full\n" if self._full.is_due() else "tick\n"
        self._unanswered += 1
        self._send(calls.encode())

    def _send(self, content: bytes) -> None:
        try:
            self._pipe.send(content, SEND_S)
        except TimeoutError as err:
            raise self._failed("it takes no more input for the sampler") from err

    def _take(self) -> None:
        try:
            content = self._pipe.recv(PIECE, self._tick.left_s())
        except TimeoutError:
            return
        if not content:
            raise EOFError
        self._room -= len(content)
        for sample in self._reader.feed(content):
            self._unanswered -= 1
            self._room = FLOOD_BYTES
            with self._changed:
                self._waiting.append(sample)
                self._changed.notify_all()
        if self._unanswered < 0 or self._room < 0:
            raise self._failed("it answers the sampler with more than it was asked for", failure=Failure.TERMINAL)

    def _ended(self, err: Exception) -> ConnectionFailed:
        if self._is_closed:
            return self._failed("the sampler is closed")
        if str(err):
            return self._failed(f"{err} while it was sampled")
        if self._reader.is_begun:
            return self._failed("the sampler was ended on the host")
        return self._failed(f"it did not run the sampler{self._complaint()}", failure=Failure.TERMINAL)

    def _complaint(self) -> str:
        is_known = self._reader.complaint and not self._reader.is_begun
        return f" and said: {self._reader.complaint}" if is_known else ""

    def _failed(self, message: str, *, failure: Failure = Failure.RETRYABLE) -> ConnectionFailed:
        return ConnectionFailed(self._host_name, message, failure=failure)


class _Due:
    """Something that is due again and again; what was missed is not made up for."""

    def __init__(self, every_s: float) -> None:
        self._every_s = every_s
        self._at = time.monotonic()

    def is_due(self) -> bool:
        """Whether it is due now; then the next time counts."""
        now = time.monotonic()
        if now < self._at:
            return False
        self._at = max(self._at + self._every_s, now)
        return True

    def left_s(self) -> float:
        """How long until then, in seconds: never nothing, since a wait of nothing is none."""
        return max(0.001, self._at - time.monotonic())

    def now(self) -> None:
        """It is due at once."""
        self._at = time.monotonic()


@cache
def script() -> bytes:
    """What the host's shell is given before any tick."""
    folder = resources.files(__package__)
    return b"".join(folder.joinpath(name).read_bytes() for name in ("sampler_cards.sh", "sampler.sh"))
