"""Processes named by pid and start time, so that a pid used again by another process is never mistaken."""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.lab.errors import LabError


@dataclass(frozen=True, slots=True)
class Process:
    """`start` is in clock ticks since the machine's boot, which `boot` names."""

    pid: int
    start: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> "Process":
        fields = _stat(pid)
        if fields is None:
            raise LabError(f"process {pid} ended before it could be recorded")
        return cls(pid, int(fields[19]), _boot_id())

    @property
    def is_alive(self) -> bool:
        fields = _stat(self.pid)
        if fields is None or int(fields[19]) != self.start or fields[0] in "ZX":
            return False
        return self.boot == _boot_id()

    @property
    def is_stopped(self) -> bool:
        fields = _stat(self.pid)
        return fields is None or fields[0] in "TZX"

    def send(self, number: signal.Signals) -> None:
        if not self.is_alive:
            return
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def namespace(self, kind: str) -> str:
        return os.readlink(f"/proc/{self.pid}/ns/{kind}")


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on: the name before them may hold spaces."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def in_namespace(kind: str, name: str) -> Iterator[Process]:
    """Every live process whose `kind` namespace is `name` (as `/proc/PID/ns/KIND` reads)."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        with suppress(OSError, LabError):
            process = Process.of(int(entry))
            if process.namespace(kind) == name and process.is_alive:
                yield process


def command(process: Process) -> str:
    """The program's short name, or nothing when it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{process.pid}/comm").read_text().strip()
    return ""


def end(processes: Iterable[Process], *, timeout_s: float = 10.0) -> None:
    """Kills these processes and waits until they are gone."""
    doomed = list(processes)
    for process in doomed:
        process.send(signal.SIGKILL)
    for process in doomed:
        wait_until(partial(_is_gone, process), timeout_s=timeout_s, what=f"process {process.pid} to end")


def _is_gone(process: Process) -> bool:
    with suppress(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    return not process.is_alive


def wait_until(done: Callable[[], bool], *, timeout_s: float, what: str, every_s: float = 0.01) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise LabError(f"waited {timeout_s:g} s in vain for {what}")
        time.sleep(every_s)
