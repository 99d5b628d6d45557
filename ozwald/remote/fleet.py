"""Many hosts at once: one thread and one open connection per host, results and failures keyed by host."""

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

from ozwald.errors import ConnectionFailed, Failure, HostError, NothingReachable
from ozwald.model.host import Connection, Host
from ozwald.remote.connection import HostConnection
from ozwald.remote.ssh import ShownKey, SshOpener
from ozwald.remote.ssh_config import SshOptions

log = logging.getLogger(__name__)

T = TypeVar("T")
AT_ONCE: Final = 64
GRACE_S: Final = 3.0
INTERRUPT_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResults(Generic[T]):
    """What each host gave, or why it gave nothing; every host that was asked is in one of the two."""

    values: Mapping[str, T] = field(default_factory=dict)
    failures: Mapping[str, HostError] = field(default_factory=dict)

    def raise_if_nothing_reached(self) -> None:
        """Raises NothingReachable when hosts were asked and each of them failed."""
        if self.failures and not self.values:
            raise NothingReachable(self.failures)


class Fleet:
    """Connections to the hosts of one inventory, opened when first needed and kept for later calls."""

    def __init__(
        self,
        inventory: Mapping[str, Host],
        *,
        options: SshOptions | None = None,
        at_once: int = AT_ONCE,
    ) -> None:
        self._opener = SshOpener(inventory=inventory, options=options)
        self._at_once = at_once
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._open: dict[str, HostConnection] = {}
        self._begun: dict[str, Future[HostConnection]] = {}
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def begin(self, hosts: Iterable[Host]) -> None:
        """Starts connecting to hosts that will be asked soon and returns at once; failures come up when they are."""
        self._begun |= self._start(hosts, self._made)[0]

    def map(
        self,
        hosts: Iterable[Host],
        work: Callable[[HostConnection], T],
        *,
        deadline: float | None = None,
    ) -> HostResults[T]:
        """Does `work` on every host at once; a host that fails stops no other.

        `deadline`, on the monotonic clock, bounds connecting; bounding the work is the work's own business. What is
        no HostError is a mistake of ours and is raised when all hosts are done. Ctrl-C ends the hosts' commands.
        """
        return self.each(hosts, lambda host: work(self.connection(host, deadline=deadline)))

    def each(self, hosts: Iterable[Host], work: Callable[[Host], T]) -> HostResults[T]:
        """Does `work`, which connects by itself, for every host at once; else as `map`."""
        outcomes, threads = self._start(hosts, work)
        try:
            wait(outcomes.values())
        except BaseException:
            self._abandon(threads)
            raise
        for thread in threads:
            thread.join()
        return _sorted_out(outcomes)

    def show_keys(self, hosts: Iterable[Host], *, deadline: float | None = None) -> HostResults[ShownKey]:
        """The key each host shows, without logging in to it."""
        return self.each(hosts, lambda host: self._opener.show_key(host, deadline=deadline))

    def jump_hosts(self, host: Host) -> tuple[Host, ...]:
        """The jump hosts on the way to a host, the first one first; raises ConnectionFailed."""
        return () if host.connection == Connection.LOCAL else self._opener.jump_hosts(host)

    def connection(self, host: Host, *, deadline: float | None = None) -> HostConnection:
        """The open connection to a host, made or made again where needed; raises ConnectionFailed."""
        begun = self._begun.pop(host.name, None)
        if begun is None:
            return self._made(host, deadline)
        try:
            return begun.result(_left(deadline))
        except TimeoutError as err:
            raise _late(host) from err

    def _made(self, host: Host, deadline: float | None = None) -> HostConnection:
        with self._turn(host, deadline):
            kept = self._open.get(host.name)
            if kept is not None and kept.is_open() and kept.host == host:
                return kept
            if kept is not None:
                kept.close()
            made = self._connect(host, deadline)
            with self._lock:
                if not self._closed:
                    self._open[host.name] = made
                    return made
        made.close()
        raise ConnectionFailed(host.name, "the connections are being closed", failure=Failure.RETRYABLE)

    @contextmanager
    def _turn(self, host: Host, deadline: float | None) -> Iterator[None]:
        """One connection to a host is made at a time; the others who want it wait, each until its own deadline."""
        with self._lock:
            lock = self._locks.setdefault(host.name, threading.Lock())
        left = _left(deadline)
        if not lock.acquire(timeout=-1 if left is None else left):
            raise _late(host)
        try:
            yield
        finally:
            lock.release()

    def take(self, inventory: Mapping[str, Host]) -> None:
        """Finds jump hosts in another inventory from now on; connections that are open stay so."""
        self._opener.take(inventory)

    def forget(self, host_name: str) -> None:
        """Closes a host's connection; the next use makes a new one."""
        with self._lock:
            kept = self._open.pop(host_name, None)
        if kept is not None:
            kept.close()

    def interrupt(self) -> None:
        """Ends the commands that run on the hosts; no further connection is made."""
        with self._lock:
            self._closed = True
            kept = list(self._open.values())
        # Telling a host may take long where the link is stuck, which is not to hold up the others.
        telling = [threading.Thread(target=connection.interrupt, daemon=True) for connection in kept]
        for thread in telling:
            thread.start()
        over = time.monotonic() + INTERRUPT_S
        for thread in telling:
            thread.join(max(0.0, over - time.monotonic()))

    def close(self) -> None:
        """Closes every connection; calls in progress fail."""
        with self._lock:
            self._closed = True
            kept = list(self._open.values())
            self._open.clear()
        for connection in kept:
            connection.close()
        self._opener.close()

    def _connect(self, host: Host, deadline: float | None) -> HostConnection:
        if host.connection == Connection.LOCAL:
            from ozwald.remote.local import LocalConnection

            return LocalConnection(host)
        return self._opener.open(host, deadline=deadline)

    def _start(
        self, hosts: Iterable[Host], work: Callable[[Host], T]
    ) -> tuple[dict[str, "Future[T]"], list[threading.Thread]]:
        """Threads that do the work on every host, and what will come of it."""
        wanted = {host.name: host for host in hosts}
        outcomes: dict[str, Future[T]] = {name: Future() for name in wanted}
        waiting: queue.SimpleQueue[Host] = queue.SimpleQueue()
        for host in wanted.values():
            waiting.put(host)
        threads = [
            threading.Thread(target=_work_off, args=(waiting, work, outcomes), name=f"host-{number}", daemon=True)
            for number in range(min(self._at_once, len(wanted)))
        ]
        for thread in threads:
            thread.start()
        return outcomes, threads

    def _abandon(self, threads: Iterable[threading.Thread]) -> None:
        """Ends the work in progress: first what runs on the hosts, then the connections themselves."""
        self.interrupt()
        over = time.monotonic() + GRACE_S
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, over - time.monotonic()))
        self.close()


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def _late(host: Host) -> ConnectionFailed:
    message = "connecting took too long: is the host overloaded?"
    return ConnectionFailed(host.name, message, failure=Failure.RETRYABLE)


def _work_off(
    waiting: "queue.SimpleQueue[Host]", work: Callable[[Host], T], outcomes: Mapping[str, "Future[T]"]
) -> None:
    while True:
        try:
            host = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            outcomes[host.name].set_result(work(host))
        except BaseException as err:
            outcomes[host.name].set_exception(err)


def _sorted_out(outcomes: Mapping[str, "Future[T]"]) -> HostResults[T]:
    values: dict[str, T] = {}
    failures: dict[str, HostError] = {}
    for name, outcome in outcomes.items():
        try:
            values[name] = outcome.result()
        except HostError as err:
            failures[name] = err
    return HostResults(values=values, failures=failures)
