"""Two controllers that share one real Redis, turned by hand."""

from dataclasses import dataclass
from pathlib import Path

from ozwald.controller.board import Board
from ozwald.controller.courier import Courier
from ozwald.controller.journal import Journal
from ozwald.controller.leadership import Leadership, Wakefulness
from ozwald.controller.shared import Shared
from ozwald.model.footprint import Combination, FootprintRequest, Run
from ozwald.state.cache import Cache
from ozwald.state.footprint_queue import FootprintQueue
from ozwald.state.home import DataFolder
from ozwald.state.lease import candidate
from ozwald.state.records import Records
from ozwald.state.redis_link import RedisLink
from ozwald.state.wanted import read_wanted, wanted_path, write_wanted
from tests.builders import wanted
from tests.real_redis import RealRedis

LEASE, WANTED, QUEUE, IDENTITY = (f"ozwald:local:{name}" for name in ("lease", "wanted", "footprints", "controller"))
WEB = Combination(realm="default", service="web", variety=None, profile=None)


@dataclass
class Clock:
    """One for all controllers of a test."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


class Node:
    """A controller's side that has to do with Redis; a test makes its turns one by one."""

    def __init__(self, folder: Path, server: RealRedis, clock: Clock) -> None:
        self.home = DataFolder(folder)
        with self.home.changing([]):
            self.home.folder("wanted")
        self.clock, self.changes = clock, 0
        self.link = RedisLink.at(server.address, "local")
        self.cache, self.board, self.journal = Cache(self.link), Board(), Journal()
        self.awake = Wakefulness(clock)
        self.leadership = Leadership(wakefulness=self.awake, now=clock)
        self.queue = FootprintQueue(self.home, "local", check=self.leadership.check)
        self.me = candidate(self.home.path, f"http://{folder.name}:8000")
        self.courier = Courier(
            self.cache,
            self.leadership,
            self.me,
            self.home,
            "local",
            shared=Shared(Records(self.link), self.board, self.journal, self.me),
            on_change=self._changed,
            now=clock,
        )

    def _changed(self) -> None:
        self.changes += 1

    def turns(self) -> bool:
        """Takes a turn; whether it leads then."""
        self.awake.tick()
        self.courier.turn()
        return not self.leadership.doubt()

    def wants(self, generation: int, *names: str) -> None:
        write_wanted(wanted_path(self.home, "local"), wanted(*names, generation=generation))

    def asks(self, request_id: str) -> None:
        """Has a footprint measured."""
        self.queue.add(
            FootprintRequest(request_id=request_id, asked_at=1.0, author="ann", runs=(Run(combination=WEB),))
        )

    @property
    def asked(self) -> list[str]:
        """The requests for footprints on disk."""
        return [one.request_id for one in self.queue.requests()]

    @property
    def names(self) -> tuple[int, list[str | None]] | None:
        """The generation on disk and its instances."""
        found = read_wanted(wanted_path(self.home, "local"))
        return (found.generation, [one.request.name for one in found.instances]) if found else None


@dataclass
class Pair:
    """Two controllers with a data folder each, on one Redis."""

    first: Node
    second: Node
    redis: RealRedis
    clock: Clock

    def passes(self, seconds: float, *turning: Node) -> None:
        """Time in which both live and these take their turns; the lease in Redis goes by the test's clock."""
        for _ in range(int(seconds)):
            self.clock.now += 1
            left_ms = self.redis.client.pttl(LEASE)
            if left_ms != -1:
                self.redis.client.pexpire(LEASE, max(0, left_ms - 1000))
            self.first.awake.tick()
            self.second.awake.tick()
            for node in turning:
                node.turns()
