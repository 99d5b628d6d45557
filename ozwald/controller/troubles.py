"""Which services failed or keep ending, why, and when each is tried again."""

import random
import threading
import time
from collections.abc import Callable, Mapping

from ozwald.controller.backoff import Backoff
from ozwald.model.plan import InstanceKey

# So many ends in a row are a crash loop, which the engine's own restarts would only keep going.
LOOPING = 3
# Who has run for so long since its last failure starts with a clean slate; a healthcheck takes longer to fail again.
WELL_S = 60.0
HEALTHY_S = 600.0


class Troubles:
    """Every service's failures; times are seconds on the monotonic clock. May be used by several threads."""

    def __init__(self, dice: random.Random, *, wall: Callable[[], float] = time.time) -> None:
        self._backoff = Backoff(dice)
        self._wall = wall
        self._lock = threading.Lock()
        self._reasons: dict[InstanceKey, str] = {}
        self._ends: dict[InstanceKey, int] = {}
        self._clean_at: dict[InstanceKey, float] = {}
        self._marks: dict[InstanceKey, str] = {}

    @property
    def reasons(self) -> Mapping[InstanceKey, str]:
        """Why each service that failed did, with the time of the next try."""
        with self._lock:
            return dict(self._reasons)

    def failed(self, key: InstanceKey, error: str, now: float) -> None:
        """An operation on a service failed."""
        with self._lock:
            self._wait(key, error, now)

    def ended(self, key: InstanceKey, how: str, now: float) -> None:
        """A service ended though nobody asked for it; the first time it is started again at once."""
        with self._lock:
            times = self._count(key, now + WELL_S)
            if times > 1:
                self._wait(key, f"it has ended {times} times in a row{f' ({how})' if how else ''}", now)

    def turned_unhealthy(self, key: InstanceKey, reason: str, now: float) -> None:
        """A service runs and does not do its work; the first time it is restarted at once."""
        with self._lock:
            times = self._count(key, now + HEALTHY_S)
            if times > 1:
                self._wait(key, f"{reason}; that is {times} failures in a row", now)

    def started(self, key: InstanceKey) -> None:
        """A service was brought up; whether it lasts is seen later."""
        with self._lock:
            self._reasons.pop(key, None)

    def wanted_as(self, key: InstanceKey, mark: str) -> None:
        """What a service is to be: when that is another than before, it is tried anew at once."""
        with self._lock:
            if self._marks.get(key, mark) != mark:
                self._forget(key)
            self._marks[key] = mark

    def runs(self, key: InstanceKey, now: float) -> None:
        """A service is as wanted: when it has been for a while, what was before is forgotten."""
        with self._lock:
            self._reasons.pop(key, None)
            if now >= self._clean_at.get(key, now):
                self._forget(key)

    def forget(self, key: InstanceKey) -> None:
        """What was wrong lay with its host."""
        with self._lock:
            self._forget(key)

    def is_waiting(self, key: InstanceKey, now: float) -> bool:
        """Whether a service is left alone now."""
        return self._backoff.is_waiting(key, now)

    def is_looping(self, key: InstanceKey) -> bool:
        """Whether a service keeps ending."""
        with self._lock:
            return self._ends.get(key, 0) >= LOOPING

    def next_due(self, now: float) -> float | None:
        """When the first service that waits is tried again, or None."""
        with self._lock:
            return self._backoff.next_due(now)

    def _count(self, key: InstanceKey, clean_at: float) -> int:
        self._clean_at[key] = clean_at
        times = self._ends[key] = self._ends.get(key, 0) + 1
        return times

    def _wait(self, key: InstanceKey, reason: str, now: float) -> None:
        self._clean_at[key] = max(now + WELL_S, self._clean_at.get(key, now))
        wait_s = self._backoff.failed(key, now)
        clock = time.strftime("%H:%M:%S", time.localtime(self._wall() + wait_s))
        self._reasons[key] = f"{reason}; tried again in {wait_s:.0f} s, at {clock}"

    def _forget(self, key: InstanceKey) -> None:
        self._backoff.worked(key)
        self._reasons.pop(key, None)
        self._ends.pop(key, None)
        self._clean_at.pop(key, None)
