"""How a quantity went over time: the lowest and highest value of each of a bounded number of equal times."""

from collections.abc import Iterator
from dataclasses import dataclass

POINTS = 600
FINEST_S = 0.1


@dataclass(frozen=True, slots=True)
class Point:
    """The values of one time: from `at_s`, on the host's clock, for the width of its course."""

    at_s: float
    low: float
    high: float


class Course:
    """At most 600 points, each twice as wide whenever they would become more; no extreme is ever lost."""

    __slots__ = ("_points", "begun_at_s", "width_s")

    def __init__(self) -> None:
        self.begun_at_s: float | None = None
        self.width_s = FINEST_S
        self._points: dict[int, tuple[float, float]] = {}

    def add(self, at_s: float, value: float) -> None:
        """Counts one more value; times never go back before the first."""
        if self.begun_at_s is None:
            self.begun_at_s = at_s
        while (at_s - self.begun_at_s) // self.width_s >= POINTS:
            self._widen()
        self._put(int((at_s - self.begun_at_s) // self.width_s), value, value)

    def points(self) -> Iterator[Point]:
        """The times that have a value, in their order."""
        for number, (low, high) in sorted(self._points.items()):
            yield Point((self.begun_at_s or 0.0) + number * self.width_s, low, high)

    def _put(self, number: int, low: float, high: float) -> None:
        known_low, known_high = self._points.get(number, (low, high))
        self._points[number] = (min(low, known_low), max(high, known_high))

    def _widen(self) -> None:
        self.width_s *= 2
        points, self._points = self._points, {}
        for number, (low, high) in points.items():
            self._put(number // 2, low, high)
