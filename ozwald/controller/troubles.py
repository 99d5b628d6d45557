"""Which services failed or keep ending, why, and when each is tried again."""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping

from ozwald.controller.backoff import JITTER, LONGEST_S, Backoff
from ozwald.errors import StateError
from ozwald.model.plan import InstanceKey
from ozwald.state.slates import Slate, Slates

log = logging.getLogger(__name__)

# So many ends in a row are a crash loop, which the engine's own restarts would only keep going.
LOOPING = 3
# Who has run for so long since its last failure starts with a clean slate; a healthcheck takes longer to fail again.
WELL_S = 60.0
HEALTHY_S = 600.0


class Troubles:
    """Every service's failures; times are seconds on the monotonic clock. May be used by several threads.

    With `slates` those of the controller before are gone on with.
    """

    def __init__(
        self, dice: random.Random, *, slates: Slates | None = None, wall: Callable[[], float] = time.time
    ) -> None:
        self._backoff = Backoff(dice)
        self._slates, self._wall = slates, wall
        self._has_changed = False
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

    def recall(self, now: float) -> None:
        """Goes on from what is on disk; a clock that was set meanwhile makes nobody wait for longer than ever."""
        later_s = now - self._wall()
        for key, slate in self._kept().items():
            until = min(slate.until + later_s, now + LONGEST_S * (1 + JITTER))
            clean_at = min(slate.clean_at + later_s, now + max(WELL_S, HEALTHY_S))
            if max(until, clean_at) <= now:
                continue
            self._backoff.resume(key, slate.failures, until)
            self._ends[key], self._clean_at[key], self._marks[key] = slate.ends, clean_at, slate.mark
            if slate.reason:
                self._reasons[key] = slate.reason

    def keep(self, now: float) -> None:
        """Writes down what has changed, for the controller that comes after."""
        with self._lock:
            if not self._has_changed or self._slates is None:
                return
            self._has_changed = False
            slates = {key: self._slate(key, self._wall() - now) for key in self._clean_at}
        try:
            self._slates.write(slates)
        except StateError as error:
            log.warning("what keeps failing is not kept: %s", error)

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

    def _kept(self) -> dict[InstanceKey, Slate]:
        try:
            return self._slates.read() if self._slates else {}
        except StateError as error:
            log.warning("%s", error)
            return {}

    def _slate(self, key: InstanceKey, later_s: float) -> Slate:
        failures, until = self._backoff.kept(key)
        return Slate(
            failures=failures,
            until=until + later_s,
            ends=self._ends.get(key, 0),
            clean_at=self._clean_at[key] + later_s,
            reason=self._reasons.get(key, ""),
            mark=self._marks.get(key, ""),
        )

    def _count(self, key: InstanceKey, clean_at: float) -> int:
        self._has_changed = True
        self._clean_at[key] = clean_at
        times = self._ends[key] = self._ends.get(key, 0) + 1
        return times

    def _wait(self, key: InstanceKey, reason: str, now: float) -> None:
        self._has_changed = True
        self._clean_at[key] = max(now + WELL_S, self._clean_at.get(key, now))
        wait_s = self._backoff.failed(key, now)
        clock = time.strftime("%H:%M:%S", time.localtime(self._wall() + wait_s))
        self._reasons[key] = f"{reason}; tried again in {wait_s:.0f} s, at {clock}"

    def _forget(self, key: InstanceKey) -> None:
        self._has_changed |= key in self._clean_at
        self._backoff.worked(key)
        self._reasons.pop(key, None)
        self._ends.pop(key, None)
        self._clean_at.pop(key, None)
