"""Takes turns, so that a machine whose speed drifts is fair to both sides."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """What one contender took, in seconds, run by run."""

    name: str
    seconds: tuple[float, ...]

    @property
    def median_s(self) -> float:
        return statistics.median(self.seconds)


def in_turns(contenders: Mapping[str, Callable[[], object]], *, rounds: int) -> list[Timing]:
    """Runs each contender once to warm up, then all of them in turn, `rounds` times."""
    for run in contenders.values():
        run()
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            began = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - began)
    return [Timing(name=name, seconds=tuple(seconds)) for name, seconds in taken.items()]


def show(title: str, timings: list[Timing]) -> None:
    """Prints medians, spread and each ratio to the first contender."""
    first = timings[0].median_s
    print(f"\n{title}")
    for timing in timings:
        low, high = min(timing.seconds) * 1000, max(timing.seconds) * 1000
        ratio = f"{timing.median_s / first:6.2f} x"
        print(f"  {timing.name:<44} {timing.median_s * 1000:9.2f} ms ({low:.2f} to {high:.2f})  {ratio}")
