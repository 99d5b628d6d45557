"""Counts cases and remembers the worst of them."""

import gc
import json
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.config.hostile.exercise import Wrong
from tests.config.hostile.meter import ORDINARY, Cost, Limits, Runaway, measured

# A case that is over the limit is measured again, since another process may have had the machine.
_ATTEMPTS = 3


@dataclass(kw_only=True)
class Worst:
    """The largest figure, and the case it belongs to."""

    figure: float = 0.0
    case: str = ""

    def see(self, figure: float, case: str) -> None:
        if figure > self.figure:
            self.figure, self.case = figure, case


@dataclass(kw_only=True)
class Tally:
    """What came of the cases of one run."""

    loaded: int = 0
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    cpu_s: Worst = field(default_factory=Worst)
    wall_s: Worst = field(default_factory=Worst)
    memory_mib: Worst = field(default_factory=Worst)

    def take(self, name: str, use: Callable[[], bool], *, folder: Path, limits: Limits = ORDINARY) -> None:
        """Run a case, and count it; whatever it does that it must not is a failure."""
        outcome: list[bool] = []
        gc.collect()
        try:
            cost = _least(lambda: outcome.append(use()), limits)
        except Wrong as err:
            self.failures.append(f"{name}: {err}")
        except (Exception, Runaway):
            self.failures.append(f"{name}: {traceback.format_exc(limit=-4)}")
        else:
            self._see(name, cost, limits, loaded=outcome[-1])
        if (folder / "ran").exists() or Path("ran").exists():
            self.failures.append(f"{name}: something was executed")

    def _see(self, name: str, cost: Cost, limits: Limits, *, loaded: bool) -> None:
        self.loaded += loaded
        self.refused += not loaded
        self.cpu_s.see(cost.cpu_s, name)
        self.wall_s.see(cost.wall_s, name)
        self.memory_mib.see(cost.memory_bytes / 1024**2, name)
        if cost.exceeds(limits):
            self.failures.append(f"{name}: took {cost.cpu_s:.3f} s and {cost.memory_bytes / 1024**2:.1f} MiB")

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Tally":
        values: dict[str, Any] = json.loads(text)
        for name in ("cpu_s", "wall_s", "memory_mib"):
            values[name] = Worst(**values[name])
        return cls(**values)

    def __str__(self) -> str:
        return (
            f"{self.loaded} loaded, {self.refused} refused, {len(self.failures)} failed; most "
            f"CPU {self.cpu_s.figure * 1000:.0f} ms ({self.cpu_s.case}), "
            f"wall {self.wall_s.figure * 1000:.0f} ms ({self.wall_s.case}), "
            f"memory {self.memory_mib.figure:.1f} MiB ({self.memory_mib.case})"
        )


def _least(run: Callable[[], object], limits: Limits) -> Cost:
    cost = measured(run)
    for _ in range(_ATTEMPTS - 1):
        if cost.exceeds(limits):
            again = measured(run)
            cost = Cost(
                cpu_s=min(cost.cpu_s, again.cpu_s),
                wall_s=min(cost.wall_s, again.wall_s),
                memory_bytes=max(cost.memory_bytes, again.memory_bytes),
            )
    return cost
