"""Takes turns, so that a machine whose speed drifts is fair to all sides."""

import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Contender = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What one contender took, in seconds, run by run."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)


def in_turns(contenders: Mapping[str, Contender], *, rounds: int) -> list[Timing]:
    """Runs each contender once to warm up, then all of them in turn, `rounds` times."""
    for run in contenders.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            taken[name].append(run())
    return [Timing(name=name, seconds=tuple(seconds)) for name, seconds in taken.items()]


def timed(work: Callable[[], object]) -> Contender:
    """A contender that is timed from outside."""

    def run() -> float:
        began = time.perf_counter()
        work()
        return time.perf_counter() - began

    return run


def process(words: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> Contender:
    """A whole process, from its start to its end; one that fails ends the benchmark."""
    return timed(lambda: output(words, cwd, environment))


def reported(words: Sequence[str], *, cwd: Path, environment: Mapping[str, str]) -> Contender:
    """A process that measures itself and prints seconds as the last word of its output."""
    return lambda: float(output(words, cwd, environment).split()[-1])


def output(words: Sequence[str], cwd: Path, environment: Mapping[str, str]) -> str:
    """What a process prints; one that fails ends the benchmark."""
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"benchmarks: {words[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def show(title: str, timings: list[Timing]) -> None:
    """Prints medians, spread and each ratio to the first contender."""
    if not timings:
        return
    first = timings[0].median_s
    print(f"\n{title}")
    for timing in timings:
        low, high = min(timing.seconds) * 1000, max(timing.seconds) * 1000
        ratio = f"{timing.median_s / first:6.2f} x"
        print(f"  {timing.name:<44} {timing.median_s * 1000:9.2f} ms ({low:.2f} to {high:.2f})  {ratio}", flush=True)
