"""Lets many work on a host at the same time, or one alone."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from ozwald.execution.health import Interrupted

LOOK_EVERY_S: Final = 0.5


class Occupied(Exception):
    """Others have been working on a host for as long as one may wait to be alone there."""


class HostGates:
    """One gate for each host, by its name. May be used by all threads.

    Who wants to be alone keeps nobody out before it is: an operation that pulls for hours would hold up all others.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside: Counter[str] = Counter()
        self._alone: set[str] = set()

    @property
    def kept(self) -> frozenset[str]:
        """Where somebody is alone now."""
        with self._changed:
            return frozenset(self._alone)

    def enter(self, host: str) -> bool:
        """Goes in beside others; False where somebody is alone."""
        with self._changed:
            if host in self._alone:
                return False
            self._inside[host] += 1
            return True

    def leave(self, host: str) -> None:
        """What `enter` has let in is done."""
        with self._changed:
            self._inside[host] -= 1
            self._changed.notify_all()

    @contextmanager
    def inside(self, host: str, stop: threading.Event) -> Iterator[None]:
        """Waits until it may go in, and is inside meanwhile; raises Interrupted once `stop` is set."""
        with self._changed:
            while host in self._alone:
                self._wait(stop)
            self._inside[host] += 1
        try:
            yield
        finally:
            self.leave(host)

    @contextmanager
    def alone(self, host: str, *, within_s: float, stop: threading.Event) -> Iterator[None]:
        """Waits until nobody is inside, and keeps all others out meanwhile.

        Raises:
            Occupied: somebody was inside all that time.
            Interrupted: `stop` was set while it waited.
        """
        over = time.monotonic() + within_s
        with self._changed:
            while self._inside[host] or host in self._alone:
                if time.monotonic() >= over:
                    raise Occupied(host)
                self._wait(stop, over - time.monotonic())
            self._alone.add(host)
        try:
            yield
        finally:
            with self._changed:
                self._alone.discard(host)
                self._changed.notify_all()

    def _wait(self, stop: threading.Event, at_most_s: float = LOOK_EVERY_S) -> None:
        if stop.is_set():
            raise Interrupted
        self._changed.wait(min(at_most_s, LOOK_EVERY_S))
