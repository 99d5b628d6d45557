"""Asks hosts something in the middle of a pass, which waits for none of them for long."""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

from ozwald.errors import ConnectionFailed, Failure, HostError
from ozwald.model.host import Host
from ozwald.remote.connection import HostConnection
from ozwald.remote.fleet import Fleet, HostResults

T = TypeVar("T")
WITHIN_S: Final = 3.0


class Brief:
    """A fleet whose hosts have a moment to answer; `unanswered` are those that failed or took longer."""

    def __init__(self, fleet: Fleet, *, within_s: float = WITHIN_S) -> None:
        self._fleet = fleet
        self._within_s = within_s
        self.unanswered: frozenset[str] = frozenset()

    def map(self, hosts: Iterable[Host], work: Callable[[HostConnection], T]) -> HostResults[T]:
        """See `Fleet.map`; what takes longer ends by its own deadline, and nobody hears of it."""
        asked = {host.name: host for host in hosts}
        values: dict[str, T] = {}
        failures: dict[str, HostError] = {}

        def ask(host: Host) -> None:
            try:
                values[host.name] = work(self._fleet.connection(host))
            except HostError as error:
                failures[host.name] = error

        threads = [threading.Thread(target=ask, args=(host,), daemon=True) for host in asked.values()]
        for thread in threads:
            thread.start()
        over = time.monotonic() + self._within_s
        for thread in threads:
            thread.join(max(0.0, over - time.monotonic()))
        # Those that are late go on writing into the first ones.
        done, failed = dict(values), {name: _late(name) for name in asked} | failures
        failed = {name: error for name, error in failed.items() if name not in done}
        self.unanswered |= failed.keys()
        return HostResults(values=done, failures=failed)


def _late(host: str) -> ConnectionFailed:
    return ConnectionFailed(host, "it takes long to answer", failure=Failure.RETRYABLE)
