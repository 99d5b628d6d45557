"""Remote commands: how their words are quoted, and what comes back."""

import math
import shlex
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import paramiko

OUTPUT_BYTES: Final = 8 << 20
KILL_AFTER_S: Final = 2
REPLY_S: Final = 5.0
PIECE: Final = 64 * 1024
TIMEOUT_STATUS: Final = frozenset({124, 137})

Stream = Literal["stdout", "stderr"]
OnOutput = Callable[[Stream, bytes], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandResult:
    """A command that ended. `truncated` when output beyond the limit was dropped, `timed_out` when it was killed."""

    exit_status: int
    stdout: bytes
    stderr: bytes
    truncated: bool = False
    timed_out: bool = False


class ConnectionLostError(Exception):
    """The link went away before the command's exit status came."""


class OutOfTimeError(Exception):
    """Neither output nor exit status by the deadline, although the host should have ended the command."""


def guarded(words: Sequence[str], *, timeout_s: float, become: bool) -> str:
    """A command line for the host's shell that ends by itself; the one place where words are quoted.

    A closed channel leaves the remote process running, so `timeout` on the host is what ends it. `exec` makes it
    the process that sshd's signals reach.
    """
    limit = ["timeout", "-k", str(KILL_AFTER_S), str(max(1, math.ceil(timeout_s)))]
    sudo = ["sudo", "-n", "--"] if become else []
    return "exec " + shlex.join([*sudo, *limit, *words])


def shell_words(text: str) -> list[str]:
    """The words that run shell text as the user wrote it."""
    return ["sh", "-c", text]


class Capture:
    """Keeps the first `limit` bytes of both streams together, and shows them to `on_output` as they come."""

    def __init__(self, limit: int, on_output: OnOutput | None = None) -> None:
        self.kept: dict[Stream, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self.truncated = False
        self._room = limit
        self._on_output = on_output

    def add(self, stream: Stream, content: bytes) -> None:
        within = content[: self._room]
        self.kept[stream] += within
        self._room -= len(within)
        self.truncated |= len(within) < len(content)
        if within and self._on_output is not None:
            self._on_output(stream, within)

    def result(self, exit_status: int, *, timed_out: bool) -> CommandResult:
        return CommandResult(
            exit_status=exit_status,
            stdout=bytes(self.kept["stdout"]),
            stderr=bytes(self.kept["stderr"]),
            truncated=self.truncated,
            timed_out=timed_out,
        )


def run_on_channel(
    channel: paramiko.Channel, line: str, capture: Capture, *, stdin: bytes, timeout_s: float
) -> CommandResult:
    """Executes a guarded line on a fresh channel; raises ConnectionLostError, OutOfTimeError or SSHException."""
    started = time.monotonic()
    deadline = started + max(1, math.ceil(timeout_s)) + KILL_AFTER_S + REPLY_S
    _execute(channel, line, deadline)
    _feed(channel, stdin)
    _drain(channel, capture, deadline)
    if not channel.status_event.is_set() or channel.exit_status == -1:
        raise ConnectionLostError
    was_long = time.monotonic() - started >= timeout_s
    return capture.result(channel.exit_status, timed_out=was_long and channel.exit_status in TIMEOUT_STATUS)


def _execute(channel: paramiko.Channel, line: str, deadline: float) -> None:
    """exec_command waits for sshd's reply without any limit, so a timer closes the channel under it."""
    watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), channel.close)
    watchdog.daemon = True
    watchdog.start()
    try:
        channel.exec_command(line)
    finally:
        watchdog.cancel()


def _feed(channel: paramiko.Channel, stdin: bytes) -> None:
    """Large input goes from a thread of its own: the host may not read on before its output is taken."""
    if len(stdin) <= PIECE:
        _write(channel, stdin)
    else:
        threading.Thread(target=_write, args=(channel, stdin), daemon=True).start()


def _write(channel: paramiko.Channel, stdin: bytes) -> None:
    try:
        for start in range(0, len(stdin), PIECE):
            channel.sendall(stdin[start : start + PIECE])
        channel.shutdown_write()
    except OSError:
        return  # a command need not read its input


class _Wake(threading.Event):
    """Set by both streams of a channel. Each clears it when it is empty, which must not hide the other."""

    def clear(self) -> None:
        return

    def rearm(self) -> None:
        super().clear()


def _drain(channel: paramiko.Channel, capture: Capture, deadline: float) -> None:
    wake = _Wake()
    channel.in_buffer.set_event(wake)
    channel.in_stderr_buffer.set_event(wake)
    while True:
        wake.rearm()
        over = channel.closed or (channel.eof_received and channel.status_event.is_set())
        while channel.recv_ready() and time.monotonic() < deadline:
            capture.add("stdout", channel.recv(PIECE))
        while channel.recv_stderr_ready() and time.monotonic() < deadline:
            capture.add("stderr", channel.recv_stderr(PIECE))
        if over:
            return
        left = deadline - time.monotonic()
        if left <= 0:
            if channel.status_event.is_set():
                return  # ended, but something it left behind holds its output open
            raise OutOfTimeError
        wake.wait(left)
