"""Waiting for what comes in its own time."""

import time
from collections.abc import Callable

LOOK_EVERY_S = 0.02


def eventually(holds: Callable[[], bool], within_s: float = 15.0, *, every_s: float = LOOK_EVERY_S) -> bool:
    """Whether it holds within that time."""
    over = time.monotonic() + within_s
    while not holds():
        if time.monotonic() >= over:
            return False
        time.sleep(every_s)
    return True
