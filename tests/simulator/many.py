"""Runs many seeds on all cores."""

import logging
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from tests.simulator.shrink import shrink, wrong
from tests.simulator.story import tell

AT_A_TIME = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """A seed that went wrong: what, and how to see it happen with nothing that does not matter."""

    seed: int
    what: str
    without: tuple[int, ...]

    def __str__(self) -> str:
        numbers = f" --without {','.join(map(str, self.without))}" if self.without else ""
        return f"seed {self.seed}: {self.what}\n  python -m tests.simulator {self.seed}{numbers}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of many seeds."""

    seeds: int
    seconds: float
    bad: tuple[Bad, ...]

    def __str__(self) -> str:
        rate = self.seeds / self.seconds
        return f"{self.seeds} seeds in {self.seconds:.0f} s ({rate:.0f} a second), {len(self.bad)} wrong"


def try_seeds(first: int, count: int, *, processes: int | None = None) -> Outcome:
    """Runs `count` seeds from `first` on, on as many processes as there are cores."""
    begun = time.monotonic()
    chunks = [range(start, min(start + AT_A_TIME, first + count)) for start in range(first, first + count, AT_A_TIME)]
    with ProcessPoolExecutor(processes or os.cpu_count()) as pool:
        bad = [one for found in pool.map(_try_each, chunks) for one in found]
    return Outcome(seeds=count, seconds=time.monotonic() - begun, bad=tuple(bad))


def _try_each(seeds: Iterable[int]) -> list[Bad]:
    logging.disable()
    return list(_bad(seeds))


def _bad(seeds: Iterable[int]) -> Iterator[Bad]:
    for seed in seeds:
        what = wrong(tell(seed))
        if what:
            yield Bad(seed=seed, what=what, without=tuple(shrink(tell(seed))))
