"""How a quantity went over time: the lowest and highest value of each of a bounded number of equal times."""

from dataclasses import dataclass
from typing import NamedTuple

from ozwald.model.footprint import Span

POINTS = 600
FINEST_S = 0.1


class Point(NamedTuple):
    """The values of one time, from `at_s` on for the width of its curve."""

    at_s: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """A quantity's course: at most 600 points that are `width_s` seconds wide; times without a value have none."""

    width_s: float
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """How a run went; all times are seconds since its first sample. A curve without points was not measured."""

    phases: tuple[Span, ...]
    cpu_cores: Curve
    memory_bytes: Curve
    vram_bytes: Curve
    power_w: Curve


class Course:
    """Takes values over time; its points become twice as wide whenever they would be more than 600.

    No extreme is ever lost. Times never go back before the first.
    """

    __slots__ = ("_begun_at_s", "_points", "_width_s")

    def __init__(self) -> None:
        self._begun_at_s: float | None = None
        self._width_s = FINEST_S
        self._points: dict[int, tuple[float, float]] = {}

    def add(self, at_s: float, value: float) -> None:
        """Counts one more value."""
        if self._begun_at_s is None:
            self._begun_at_s = at_s
        while (at_s - self._begun_at_s) // self._width_s >= POINTS:
            self._widen()
        self._put(int((at_s - self._begun_at_s) // self._width_s), value, value)

    def curve(self, *, since_s: float = 0.0) -> Curve:
        """What it was so far, with times to a millisecond, counted from `since_s` on."""
        begun_s = (self._begun_at_s or 0.0) - since_s
        return Curve(
            width_s=self._width_s,
            points=tuple(
                Point(round(begun_s + number * self._width_s, 3), low, high)
                for number, (low, high) in sorted(self._points.items())
            ),
        )

    def _put(self, number: int, low: float, high: float) -> None:
        known_low, known_high = self._points.get(number, (low, high))
        self._points[number] = (min(low, known_low), max(high, known_high))

    def _widen(self) -> None:
        self._width_s *= 2
        points, self._points = self._points, {}
        for number, (low, high) in points.items():
            self._put(number // 2, low, high)
