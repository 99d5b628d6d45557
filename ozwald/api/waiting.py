"""Calls that wait for something to happen: each is given a worker more, so that no other call waits for one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

MOST_WAITING: Final = 64


class WaitingRoom:
    """Has a place for so many calls; `on_change` is told how many are `taken`."""

    def __init__(self, most: int = MOST_WAITING) -> None:
        self._most = most
        self.taken = 0
        self._lock = threading.Lock()
        self.on_change: Callable[[int], None] = lambda taken: None

    @contextmanager
    def place(self) -> Iterator[bool]:
        """Takes a place, if one is free: only then the call may wait."""
        is_free = self._move(1)
        try:
            yield is_free
        finally:
            if is_free:
                self._move(-1)

    def _move(self, by: int) -> bool:
        with self._lock:
            if self.taken + by > self._most:
                return False
            self.taken += by
            self.on_change(self.taken)
            return True
