"""How long to leave alone what failed: twice as long each time, and never all at the same moment."""

import random
from collections.abc import Hashable
from dataclasses import dataclass

FIRST_S = 2.0
LONGEST_S = 300.0
JITTER = 0.2


@dataclass(slots=True)
class _Trouble:
    failures: int = 0
    until: float = 0.0


class Backoff:
    """Counts failures in a row of each thing; times are seconds on one clock.

    The first failure is followed by a wait of `first_s`, the last ones by one of `longest_s`.
    """

    def __init__(self, dice: random.Random, *, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._dice = dice
        self._first_s, self._longest_s = first_s, longest_s
        self._troubles: dict[Hashable, _Trouble] = {}

    def failed(self, thing: Hashable, now: float) -> float:
        """Notes a failure and returns how long to wait, in seconds."""
        trouble = self._troubles.setdefault(thing, _Trouble())
        trouble.failures += 1
        wait_s = min(self._longest_s, self._first_s * 2.0 ** min(trouble.failures - 1, 30))
        wait_s *= 1 + self._dice.uniform(-JITTER, JITTER)
        trouble.until = now + wait_s
        return wait_s

    def kept(self, thing: Hashable) -> tuple[int, float]:
        """How often a thing has failed in a row, and until when it is left alone."""
        trouble = self._troubles.get(thing, _Trouble())
        return trouble.failures, trouble.until

    def resume(self, thing: Hashable, failures: int, until: float) -> None:
        """Goes on from there."""
        self._troubles[thing] = _Trouble(failures, until)

    def worked(self, thing: Hashable) -> None:
        """Forgets a thing's failures."""
        self._troubles.pop(thing, None)

    def is_waiting(self, thing: Hashable, now: float) -> bool:
        """Whether the thing is to be left alone now."""
        trouble = self._troubles.get(thing)
        return trouble is not None and now < trouble.until

    def next_due(self, now: float) -> float | None:
        """When the first thing that waits may be tried again, or None."""
        return min((trouble.until for trouble in self._troubles.values() if trouble.until > now), default=None)
