"""The passing of time, as it comes into what has to wait."""

import threading
import time
from typing import Final, Protocol


class Clock(Protocol):
    """Tells the time and lets it pass."""

    def now(self) -> float:
        """Seconds on a clock that only goes forward."""

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Returns when the event is set, or after that long; tells whether it is."""


class _Monotonic:
    """The machine's own clock."""

    def now(self) -> float:
        return time.monotonic()

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(seconds)


MONOTONIC: Final[Clock] = _Monotonic()
