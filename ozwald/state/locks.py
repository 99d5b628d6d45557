"""Locks between processes of this machine: files that the kernel frees when their holder ends, however it ends."""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ozwald.errors import StateError

POLL_S = 0.05


class Busy(StateError):
    """Another process holds the lock and has not let go in time; `holder` is its id, or `unknown`."""

    def __init__(self, message: str, *, holder: str) -> None:
        super().__init__(message)
        self.holder = holder


@contextmanager
def held(
    path: Path, thing: str, *, wait_s: float = 0.0, on_wait: Callable[[str], None] = lambda text: None
) -> Iterator[None]:
    """Holds a lock that belongs to `thing`; `on_wait` is told, once, when somebody else has it first.

    Raises:
        Busy: another process holds it for longer than `wait_s`.
        StateError: its file cannot be opened.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as err:
        raise StateError(f"cannot open the lock {path}: {err.strerror}") from err
    try:
        _take(descriptor, thing, wait_s, on_wait)
        _sign(descriptor)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, thing: str, wait_s: float, on_wait: Callable[[str], None]) -> None:
    over = time.monotonic() + wait_s
    told = False
    while not _is_taken(descriptor):
        holder = _holder(descriptor)
        text = f"{thing} is being changed by another ozwald (process {holder})"
        if time.monotonic() >= over:
            raise Busy(f"{text}; wait for it, or say how long to wait: --wait SECONDS", holder=holder)
        if not told:
            on_wait(f"{text}; waiting for it")
            told = True
        time.sleep(min(POLL_S, max(0.0, over - time.monotonic())))


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(descriptor: int) -> str:
    return os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"


def _sign(descriptor: int) -> None:
    # Who holds it is only for people: on a full disk it is held all the same. One length for all, since truncating
    # takes a file system with a journal a hundred times as long.
    with contextlib.suppress(OSError):
        os.pwrite(descriptor, f"{os.getpid():<20}\n".encode(), 0)
