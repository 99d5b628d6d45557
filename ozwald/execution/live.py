"""Follows hosts while they work: what they, their cards and their services take, always as of now."""

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

from ozwald.errors import HostError
from ozwald.footprint.live import LiveHost
from ozwald.model.container import LABEL_INSTANCE, ObservedContainer
from ozwald.model.host import Host
from ozwald.model.live import HostUse
from ozwald.model.sample import Sample
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from ozwald.remote.holders import named
from ozwald.remote.probe import probe
from ozwald.remote.sampler import Sampler, open_sampler

RATE_HZ: Final = 2.0
LIST_EVERY_S: Final = 2.0
AGAIN_S: Final = 2.0
CONNECT_S: Final = 15.0
SILENT_S: Final = 4.0  # then what is shown would be too old
MOST_WATCHED: Final = 100
END_S: Final = 0.5


class LiveHosts:
    """Samples hosts from threads of their own while the block runs; one that does not answer is tried on and on."""

    def __init__(self, fleet: Fleet, hosts: Iterable[Host]) -> None:
        self._over = threading.Event()
        self._changed = threading.Condition()
        self._uses: dict[str, HostUse] = {}
        self._hosts = tuple(hosts)
        self._threads = [
            threading.Thread(target=_Follower(fleet, host, self._show, self._over).run, daemon=True)
            for host in self._hosts
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        by = time.monotonic() + END_S
        for thread in self._threads:
            thread.join(max(0.0, by - time.monotonic()))

    def now(self) -> tuple[HostUse, ...]:
        """What is known of each host at this moment: of one that was not reached yet its name alone."""
        with self._changed:
            return tuple(self._uses.get(host.name, HostUse(host=host.name)) for host in self._hosts)

    def measured(self, timeout_s: float) -> tuple[HostUse, ...]:
        """The same once all of it is known, which takes a second and a bit, or when the time is over."""
        with self._changed:
            self._changed.wait_for(self._is_measured, timeout_s)
        late = f"nothing was measured within {timeout_s:g} s"
        return tuple(use if use.is_begun else replace(use, failure=late) for use in self.now())

    def _is_measured(self) -> bool:
        return len(self._uses) == len(self._hosts) and all(use.is_measured for use in self._uses.values())

    def _show(self, use: HostUse) -> None:
        with self._changed:
            self._uses[use.host] = use
            self._changed.notify_all()


class _Follower:
    """One host's thread."""

    def __init__(self, fleet: Fleet, host: Host, show: Callable[[HostUse], None], over: threading.Event) -> None:
        self._fleet = fleet
        self._host = host
        self._show = show
        self._over = over

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._follow(self._fleet.connection(self._host, deadline=time.monotonic() + CONNECT_S))
            except HostError as err:
                if not self._over.is_set():
                    self._show(HostUse(host=self._host.name, failure=err.message))
            self._over.wait(AGAIN_S)

    def _follow(self, connection: HostConnection) -> None:
        live = LiveHost(probe(connection))
        with open_sampler(connection, rate_hz=RATE_HZ) as sampler, _Watched(connection, sampler) as watched:
            while not self._over.is_set():
                live.take(_with_names(sampler.read(SILENT_S), watched.containers))
                self._show(live.use(watched.listed(), engine_failure=watched.failure))


class _Watched:
    """The running containers of a host, all of them watched; instances first where they are very many.

    A thread of its own lists them: an engine that hangs keeps no sample waiting.
    """

    def __init__(self, connection: HostConnection, sampler: Sampler) -> None:
        self.containers: Mapping[str, ObservedContainer] = {}
        self.failure: str | None = None
        self._is_listed = False
        self._connection = connection
        self._sampler = sampler
        self._over = threading.Event()

    def __enter__(self) -> Self:
        threading.Thread(target=self._keep_listing, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()

    def listed(self) -> Collection[ObservedContainer] | None:
        """The containers, None as long as the engine has not told them."""
        return self.containers.values() if self._is_listed else None

    def _keep_listing(self) -> None:
        while not self._over.is_set():
            try:
                self._list(self._connection.engine())
                self.failure = None
            except HostError as err:
                self.failure = err.message
            self._over.wait(LIST_EVERY_S)

    def _list(self, engine: Engine) -> None:
        running = sorted(
            (one for one in engine.list_containers() if one.is_running),
            key=lambda one: (LABEL_INSTANCE not in one.labels, one.name),
        )
        now = {one.id: one for one in running[:MOST_WATCHED]}
        for container_id in self.containers.keys() - now.keys():
            self._sampler.unwatch(container_id)
        for container_id in now.keys() - self.containers.keys():
            state = engine.state(container_id)
            if state is None or state.pid is None:
                del now[container_id]  # it has just ended
            else:
                self._sampler.watch(container_id, state.pid)
        self.containers, self._is_listed = now, True


def _with_names(sample: Sample, containers: Mapping[str, ObservedContainer]) -> Sample:
    """The sample with the names of the containers that hold cards."""
    cards = {
        card_id: replace(card, holders=tuple(named(held, containers) for held in card.holders))
        for card_id, card in sample.cards.items()
    }
    return replace(sample, cards=cards)
