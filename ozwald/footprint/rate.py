"""Cores kept busy, from a counter of CPU time and the host's clock."""

from collections import deque
from dataclasses import dataclass

WINDOW_S = 1.0
NS = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """The mean number of busy cores since a moment of the host's clock."""

    since_s: float
    cores: float


class CpuRate:
    """Sliding windows over a counter: the shortest that are at least a second long.

    The host's clock may advance in steps of 10 ms, which is then within 1% of a window. After a gap in the samples a
    window is as long as the gap. A counter that goes back begins anew.
    """

    __slots__ = ("_points",)

    def __init__(self) -> None:
        self._points: deque[tuple[float, int]] = deque()

    def add(self, at_s: float, cpu_ns: int) -> Rate | None:
        """The rate of the window that ends here; None as long as none is a second long.

        The clock never goes back from one call to the next.
        """
        points = self._points
        if points and cpu_ns < points[-1][1]:
            points.clear()
        if points and at_s == points[-1][0]:
            return None
        points.append((at_s, cpu_ns))
        while len(points) > 2 and at_s - points[1][0] >= WINDOW_S:
            points.popleft()
        since_s, begun_ns = points[0]
        if at_s - since_s < WINDOW_S:
            return None
        return Rate(since_s=since_s, cores=(cpu_ns - begun_ns) / NS / (at_s - since_s))


class Growth:
    """How much a counter has counted since it was at zero, also when it begins anew in between."""

    __slots__ = ("_last", "total")

    def __init__(self) -> None:
        self._last = 0
        self.total = 0

    def add(self, value: int) -> int:
        """The total with the counter's new value; one that went back has begun at zero again."""
        self.total += value - self._last if value >= self._last else value
        self._last = value
        return self.total
