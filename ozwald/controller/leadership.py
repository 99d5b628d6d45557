"""Whether this controller is the active one, by what Redis last said of the lease."""

import threading
import time
from collections.abc import Callable
from typing import Final

from ozwald.errors import StateError
from ozwald.state.lease import LEASE_S, Held

# Less than the lease, for what a changing call takes to arrive.
SURE_S = LEASE_S - 3.0
RENEW_S = 4.0
# A stand-by, and one that waits for Redis, looks more often.
LOOK_S = 1.0
# In this time an active controller that Redis has forgotten takes its lease again.
SETTLE_S = 5.0
TICK_S = 1.0
GAP_S = 5.0
# The usual monotonic clock of Linux stands still while the machine sleeps.
_CLOCK: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class NotLeading(StateError):
    """Another controller is the active one, or may be; nothing is changed."""


def elapsed() -> float:
    """Seconds on a clock that only goes forward, also while the machine sleeps."""
    return time.clock_gettime(_CLOCK)


class Wakefulness:
    """Notices that this process was stopped for a while, or that the machine slept."""

    def __init__(self, now: Callable[[], float] = elapsed) -> None:
        self._now = now
        self._ticked_at = now()
        self._woke_at = float("-inf")

    def run(self, stopped: threading.Event) -> None:
        """Ticks until it is stopped."""
        while not stopped.wait(TICK_S):
            self.tick()

    def tick(self) -> None:
        """Notes that this moment was lived through."""
        now = self._now()
        if now - self._ticked_at > GAP_S:
            self._woke_at = now
        self._ticked_at = now

    def slept_since(self, moment: float) -> bool:
        """Whether some of the time since then is missing."""
        return self._woke_at > moment or self._now() - self._ticked_at > GAP_S


class Leadership:
    """Told by the courier what Redis says, asked by everybody who changes something.

    While Redis is away the active controller goes on, since the truth is on the hosts, and no other takes over; one
    that slept meanwhile has to ask first. `alone` is for a Redis that nobody else can use.
    """

    def __init__(
        self, *, alone: bool = False, wakefulness: Wakefulness | None = None, now: Callable[[], float] = elapsed
    ) -> None:
        self.is_alone = alone
        self._awake = wakefulness or Wakefulness(now)
        self._now = now
        self._ours_at: float | None = None
        self._other = ""
        self._free_at: float | None = None
        self._told_at = float("-inf")
        self._taken_at = float("-inf")
        self._was_silent = False

    def check(self) -> None:
        """Raises NotLeading unless this controller may change something now."""
        doubt = self.doubt()
        if doubt:
            raise NotLeading(doubt)

    def doubt(self) -> str:
        """Why this controller must not change anything, or nothing."""
        if self.is_alone:
            return ""
        if self._other:
            return f"this controller stands by; the active one is {self._other}: ask there"
        ours_at = self._ours_at
        if ours_at is None:
            return "it is not known yet whether another controller is active; try again in some seconds"
        if self._is_sure or not self._awake.slept_since(ours_at):
            return ""
        return "this controller was stopped for a while and first asks Redis whether another has taken over; try again"

    def check_generation(self, known: int, seen: int) -> None:
        """Raises NotLeading when the hosts run a newer generation than is known here, and Redis cannot be asked.

        A controller that is cut off from Redis, while a stand-by is not, sees by that that it was followed.
        """
        if not self.is_alone and not self._is_sure and seen > known:
            raise NotLeading(
                f"the hosts run what generation {seen} asked for, and this controller knows {known}: another has taken "
                "over while Redis could not be asked; nothing is changed until it can"
            )

    @property
    def _is_sure(self) -> bool:
        return self._ours_at is not None and self._now() - self._ours_at < SURE_S

    @property
    def leads(self) -> bool:
        """Whether Redis said so when it was last asked."""
        return self._ours_at is not None

    @property
    def active_elsewhere(self) -> str:
        """The active controller that this one stands by for, or nothing."""
        return self._other

    def may_take(self, asked_at: float) -> bool:
        """Whether a lease that nobody has may be taken.

        Redis may just have come up again or been flushed: whoever finds no lease at first waits a little. One that is
        gone before its time, or after Redis was away, is left to the active controller for as long as a lease lasts.
        """
        if self.is_alone or self.leads:
            return not self.doubt()
        is_late = self._was_silent or asked_at - self._told_at > GAP_S
        return not is_late and self._free_at is not None and asked_at >= self._free_at

    def told(self, held: Held, asked_at: float) -> None:
        """Redis has answered a question that was sent then."""
        is_late = asked_at - self._told_at > GAP_S
        if held.is_mine or is_late:
            self._free_at = None
        if held.is_new or is_late or self._was_silent:
            self._taken_at = asked_at
        wait_s = held.expires_s if held.holder is not None else SETTLE_S
        if self._was_silent:
            wait_s = max(wait_s, LEASE_S)
        if self._was_silent or self._free_at is None or held.holder is not None:
            self._free_at = max(self._free_at or 0.0, asked_at + wait_s)
        self._told_at, self._was_silent = asked_at, False
        self._ours_at = asked_at if held.is_mine else None
        if held.is_mine:
            self._other = ""
        elif held.holder is not None:
            self._other = held.shown

    def silent(self) -> None:
        """Redis has not answered."""
        self._was_silent = True

    @property
    def rest_s(self) -> float:
        """How long to leave Redis alone; a lease that was just taken may be unknown to others, and is looked after."""
        is_settled = self._told_at - self._taken_at >= SETTLE_S
        return RENEW_S if self.leads and is_settled and not self._was_silent else LOOK_S


ALONE: Final = Leadership(alone=True)
