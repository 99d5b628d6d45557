"""Measures what one case costs: CPU time, wall time, and how far memory rises above what it was."""

import resource
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ozwald.config.files import MAX_SEPARATORS

# What a case may take at all before it is ended: the address space above what there is, and the CPU time.
_MOST_BYTES = 512 * 1024**2
_MOST_S = 20.0
_MANY = 20_000

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one case may cost."""

    cpu_s: float
    memory_bytes: int


ORDINARY = Limits(cpu_s=0.25, memory_bytes=64 * 1024**2)
# For a file with as many lines and entries as a large fleet has, which is read to its end.
FLEET = Limits(cpu_s=2.0, memory_bytes=256 * 1024**2)


def limits_for(content: bytes) -> Limits:
    """What reading a file may cost, by how much there seems to be in it; too much is refused at once."""
    separators = sum(content.count(separator) for separator in (b"\n", b",", b":", b"[", b"{", b"- ", b"? "))
    return FLEET if _MANY < separators <= MAX_SEPARATORS else ORDINARY


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one call took."""

    cpu_s: float
    wall_s: float
    memory_bytes: int

    def exceeds(self, limits: Limits) -> bool:
        return self.cpu_s > limits.cpu_s or self.memory_bytes > limits.memory_bytes


class Runaway(BaseException):
    """A case used the CPU for so long that it would never end."""


def bound_this_process() -> None:
    """From now on, memory beyond any sane need is an error, and so is CPU time in `measured`."""
    now = _kib("VmSize") * 1024
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (now + _MOST_BYTES, hard))
    signal.signal(signal.SIGPROF, _run_away)


def measured(run: Callable[[], object]) -> Cost:
    """What it costs; an error of the call goes through."""
    # Makes the kernel forget the highest memory so far, so that each case has a peak of its own.
    _CLEAR.write_text("5")
    before = _kib("VmHWM")
    wall, cpu = time.perf_counter(), time.process_time()
    with _deadline():
        run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Cost(cpu_s=cpu, wall_s=wall, memory_bytes=(_kib("VmHWM") - before) * 1024)


@contextmanager
def _deadline() -> Iterator[None]:
    signal.setitimer(signal.ITIMER_PROF, _MOST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _run_away(*_: object) -> None:
    raise Runaway


def _kib(key: str) -> int:
    text = _STATUS.read_text()
    return int(text.partition(f"{key}:")[2].split(maxsplit=1)[0])
