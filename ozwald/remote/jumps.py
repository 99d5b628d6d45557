"""The connections to jump hosts: one per way, shared by all the hosts behind it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final

from ozwald.errors import ConnectionFailed, Failure
from ozwald.remote import handshake
from ozwald.remote.transport import GuardedTransport

Way = tuple[str, ...]
LATE: Final = "it was still being connected when the time was up"


class Jumps:
    """Whoever needs a way first opens it; the others wait for that, and share a failure."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ways: dict[Way, Future[GuardedTransport]] = {}
        self._closed = False

    def get(self, way: Way, connect: Callable[[], GuardedTransport], *, deadline: float) -> GuardedTransport:
        """The open connection of a way; raises ConnectionFailed, in the host's name where this call made it."""
        with self._lock:
            known = self._ways.get(way)
            if known is not None and not _is_over(known):
                mine = False
            else:
                known, mine = Future[GuardedTransport](), True
                self._ways[way] = known
        if mine:
            self._open(known, connect)
        try:
            return known.result(max(0.0, deadline - time.monotonic()))
        except TimeoutError as err:
            raise ConnectionFailed(way[-1], LATE, failure=Failure.RETRYABLE) from err

    def close(self) -> None:
        """Ends the connections, the last ones of each way first."""
        with self._lock:
            self._closed = True
            opened = [link for link in self._ways.values() if link.done() and link.exception() is None]
            self._ways.clear()
        for link in reversed(opened):
            handshake.end(link.result())

    def _open(self, outcome: "Future[GuardedTransport]", connect: Callable[[], GuardedTransport]) -> None:
        try:
            link = connect()
        except BaseException as err:
            outcome.set_exception(err)
            raise
        with self._lock:
            closed = self._closed
        if closed:
            handshake.end(link)
        outcome.set_result(link)


def _is_over(link: "Future[GuardedTransport]") -> bool:
    """Whether a way must be opened again: it failed, or was lost since."""
    return link.done() and (link.exception() is not None or not link.result().is_active())
