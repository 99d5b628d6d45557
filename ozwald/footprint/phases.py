"""When each phase of a run was, on the host's clock."""

import math
from collections.abc import Iterator

from ozwald.model.footprint import Phase, Span


class Phases:
    """The phases in the order they began."""

    def __init__(self) -> None:
        self._begun: list[tuple[Phase, float]] = []

    def begin(self, phase: Phase, at_s: float | None) -> None:
        """Lets a phase begin, never before the one ahead of it; None is before the first sample."""
        earliest = self._begun[-1][1] if self._begun else -math.inf
        self._begun.append((phase, max(earliest, -math.inf if at_s is None else at_s)))

    def at(self, at_s: float) -> Phase | None:
        """The phase at a time; None before the first."""
        return next((phase for phase, begun in reversed(self._begun) if begun <= at_s), None)

    def begun_at_s(self, wanted: Phase) -> float:
        """When a phase began; infinity when it never did."""
        return next((begun for phase, begun in self._begun if phase is wanted), math.inf)

    def spans(self, first_s: float, last_s: float) -> Iterator[Span]:
        """All phases between the times of the first and the last sample."""
        ends = [begun for _, begun in self._begun[1:]] + [last_s]
        for (phase, begun), end in zip(self._begun, ends, strict=False):
            since = max(begun, first_s)
            yield Span(phase=phase, begun_at_s=since, duration_s=max(0.0, end - since))
