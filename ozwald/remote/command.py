"""Remote commands: how their words are quoted, and what comes back."""

import math
import shlex
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import paramiko

OUTPUT_BYTES: Final = 8 << 20
KILL_AFTER_S: Final = 2
LAST_WORD_S: Final = 0.9
REPLY_S: Final = 0.9
FLOOD_BYTES_PER_S: Final = 32 << 20  # of output that is dropped anyway: the other hosts have their turn meanwhile
PIECE: Final = 64 * 1024
TIMEOUT_STATUS: Final = frozenset({124, 137})

Stream = Literal["stdout", "stderr"]
OnOutput = Callable[[Stream, bytes], None]
Stdin = bytes | Iterator[bytes]  # a whole, or pieces that are still being made while the command runs


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
    channel: paramiko.Channel, line: str, capture: Capture, *, stdin: Stdin, timeout_s: float, signs: "SignsOfLife"
) -> CommandResult:
    """Executes a guarded line on a fresh channel; raises ConnectionLostError, OutOfTimeError or SSHException.

    A host that does not say a word when the time is over is given up `LAST_WORD_S` later; one that does has
    the time in which it kills the command, and `REPLY_S` more.
    """
    started = time.monotonic()
    limit_s = max(1, math.ceil(timeout_s))
    execute(channel, line, started + limit_s + LAST_WORD_S)
    _feed(channel, stdin, started + limit_s)
    if not _drain(channel, capture, started + limit_s):
        signs.want_sign()
        if not _drain(channel, capture, started + limit_s + LAST_WORD_S) and not signs.heard_since(started + limit_s):
            raise OutOfTimeError
        if not _drain(channel, capture, started + limit_s + KILL_AFTER_S + REPLY_S) and not _has_status(channel):
            raise OutOfTimeError
    if not _has_status(channel):
        raise ConnectionLostError
    was_long = time.monotonic() - started >= timeout_s
    return capture.result(channel.exit_status, timed_out=was_long and channel.exit_status in TIMEOUT_STATUS)


class SignsOfLife(Protocol):
    """What a connection knows of its host while a command is silent."""

    def want_sign(self) -> None: ...

    def heard_since(self, moment: float) -> bool: ...


def _has_status(channel: paramiko.Channel) -> bool:
    return channel.status_event.is_set() and channel.exit_status != -1


def execute(channel: paramiko.Channel, line: str, deadline: float) -> None:
    """Starts a line of shell; raises OutOfTimeError or SSHException.

    exec_command waits for sshd's reply without any limit, so a timer closes the channel under it.
    """
    watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), close_channel, (channel,))
    watchdog.daemon = True
    watchdog.start()
    try:
        channel.exec_command(line)
    except paramiko.SSHException as err:
        if time.monotonic() >= deadline:
            raise OutOfTimeError from err
        raise
    finally:
        watchdog.cancel()


def close_channel(channel: paramiko.Channel) -> None:
    """Closes a channel, of a connection that may be broken."""
    with suppress(OSError, EOFError, paramiko.SSHException):
        channel.close()


def _feed(channel: paramiko.Channel, stdin: Stdin, deadline: float) -> None:
    """Large input goes from a thread of its own: the host may not read on before its output is taken."""
    channel.settimeout(max(0.01, deadline - time.monotonic()))
    if isinstance(stdin, bytes) and len(stdin) <= PIECE:
        _write(channel, [stdin])
    else:
        pieces = [stdin] if isinstance(stdin, bytes) else stdin
        threading.Thread(target=_write, args=(channel, pieces), name="ssh-stdin", daemon=True).start()


def _write(channel: paramiko.Channel, pieces: Iterable[bytes]) -> None:
    with suppress(OSError, EOFError, paramiko.SSHException):  # a command need not read its input
        for piece in pieces:
            for start in range(0, len(piece), PIECE):
                channel.sendall(piece[start : start + PIECE])
        channel.shutdown_write()


class _Wake(threading.Event):
    """Set by both streams of a channel. Each clears it when it is empty, which must not hide the other."""

    def clear(self) -> None:
        return

    def rearm(self) -> None:
        super().clear()


def _drain(channel: paramiko.Channel, capture: Capture, deadline: float) -> bool:
    """Takes output until the command has ended, however much there is; False where it has not by the deadline."""
    wake = _Wake()
    channel.in_buffer.set_event(wake)
    channel.in_stderr_buffer.set_event(wake)
    while True:
        wake.rearm()
        over = channel.closed or (channel.eof_received and channel.status_event.is_set())
        while (content := _taken(channel, capture)) and (over or time.monotonic() < deadline):
            if capture.truncated and not over:
                time.sleep(content / FLOOD_BYTES_PER_S)
        if over:
            return True
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        wake.wait(left)


def _taken(channel: paramiko.Channel, capture: Capture) -> int:
    """Takes one piece from each stream; how many bytes that was."""
    count = 0
    if channel.recv_ready():
        content = channel.recv(PIECE)
        capture.add("stdout", content)
        count += len(content)
    if channel.recv_stderr_ready():
        content = channel.recv_stderr(PIECE)
        capture.add("stderr", content)
        count += len(content)
    return count
