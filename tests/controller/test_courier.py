"""Controllers that share one real Redis, whatever happens to it or to them."""

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ozwald.controller.board import Board
from ozwald.controller.courier import SYNC_S, Courier
from ozwald.controller.journal import Journal
from ozwald.controller.leadership import SETTLE_S, Leadership, Wakefulness
from ozwald.controller.shared import Shared
from ozwald.errors import StateError
from ozwald.state import lease
from ozwald.state.cache import Cache, Mirrored
from ozwald.state.home import DataFolder
from ozwald.state.lease import FREE, LEASE_S, Held, candidate
from ozwald.state.records import Records
from ozwald.state.redis_link import ANSWER_S, RedisLink
from ozwald.state.wanted import read_wanted, wanted_path, write_wanted
from tests.builders import placed, wanted
from tests.real_redis import RealRedis

LEASE, WANTED, IDENTITY = (f"ozwald:local:{name}" for name in ("lease", "wanted", "controller"))


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


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealRedis]:
    """One on which a controller has ended: the next need not wait to see whether one is there."""
    made = RealRedis(tmp_path)
    made.start()
    made.client.set(LEASE, FREE)
    yield made
    made.kill()


@pytest.fixture
def pair(tmp_path: Path, server: RealRedis) -> Pair:
    clock = Clock()
    return Pair(Node(tmp_path / "first", server, clock), Node(tmp_path / "second", server, clock), server, clock)


def test_one_is_active_and_the_other_stands_by(pair: Pair) -> None:
    assert pair.first.turns()
    assert not pair.second.turns()

    assert pair.second.leadership.active_elsewhere.endswith("first (http://first:8000)")
    assert 0 < pair.redis.client.pttl(LEASE) <= LEASE_S * 1000
    assert not pair.second.turns()
    assert pair.first.turns()


def test_nobody_takes_a_lease_that_redis_may_just_have_forgotten(pair: Pair) -> None:
    pair.redis.client.delete(LEASE)

    assert not pair.second.turns()
    pair.passes(SETTLE_S - 1, pair.second)
    assert pair.second.leadership.doubt()
    pair.passes(1, pair.second)
    assert not pair.second.leadership.doubt()


def test_of_many_that_come_at_once_one_is_active(tmp_path: Path, server: RealRedis) -> None:
    nodes = [Node(tmp_path / f"node{number}", server, Clock()) for number in range(8)]
    threads = [threading.Thread(target=node.turns) for node in nodes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(not node.leadership.doubt() for node in nodes) == 1


def test_the_stand_by_takes_over_with_what_is_wanted_and_the_same_id(pair: Pair) -> None:
    pair.first.wants(7, "db", "llm")
    pair.first.turns()
    pair.second.turns()
    pair.passes(LEASE_S - 1, pair.second)
    assert pair.second.leadership.doubt()
    pair.passes(2, pair.second)

    assert not pair.second.leadership.doubt()
    assert pair.second.names == (7, ["db", "llm"])
    assert pair.second.home.controller_id() == pair.first.home.controller_id()
    assert pair.second.changes == 1


def test_the_stand_by_has_the_last_set_even_when_redis_is_flushed_as_the_active_one_dies(pair: Pair) -> None:
    pair.first.wants(7, "db")
    pair.first.turns()
    pair.second.turns()
    pair.first.wants(8, "llm")
    pair.first.turns()
    pair.second.turns()
    pair.redis.client.flushall()
    pair.passes(LEASE_S + 1, pair.second)

    assert not pair.second.leadership.doubt()
    assert pair.second.names == (8, ["llm"])


def test_a_flush_changes_nothing_and_is_made_good(pair: Pair) -> None:
    pair.first.wants(7, "db")
    pair.first.turns()
    pair.second.turns()
    pair.redis.client.flushall()

    assert not pair.second.turns()
    assert pair.first.turns()
    assert not pair.second.turns()
    assert sorted(pair.redis.client.keys("*")) == sorted([LEASE, WANTED, IDENTITY])
    assert pair.redis.client.hget(WANTED, "generation") == "7"


def test_while_redis_is_away_the_active_one_goes_on_and_takes_the_lease_again(pair: Pair) -> None:
    pair.first.turns()
    pair.second.turns()
    pair.redis.kill()
    for _ in range(60):
        pair.clock.now += 1
        assert pair.first.turns()
        assert not pair.second.turns()
    assert "does not work" in pair.first.courier.problem()
    pair.redis.start()

    assert not pair.second.turns()
    pair.second.turns()
    assert pair.first.turns()
    assert not pair.second.turns()
    assert pair.first.courier.problem() == ""


def test_one_that_was_stopped_for_a_minute_finds_the_other_active(pair: Pair) -> None:
    pair.first.turns()
    pair.second.turns()
    for _ in range(30):
        pair.redis.client.pexpire(LEASE, max(0, pair.redis.client.pttl(LEASE) - 1000))
        pair.clock.now += 1
        pair.second.turns()
    assert not pair.second.leadership.doubt()

    assert "stopped for a while" in pair.first.leadership.doubt()
    assert not pair.first.turns()
    assert "second" in pair.first.leadership.active_elsewhere


def test_one_that_ends_of_its_own_accord_is_followed_at_once(pair: Pair) -> None:
    pair.first.turns()
    pair.second.turns()
    pair.first.courier.stop()
    pair.first.courier.run()

    assert pair.second.turns()


def test_one_that_is_started_again_takes_at_once_what_the_killed_one_held(
    tmp_path: Path, pair: Pair, server: RealRedis
) -> None:
    pair.first.turns()

    assert Node(tmp_path / "first", server, pair.clock).turns()


def test_after_a_reboot_a_lease_has_to_run_out(
    tmp_path: Path, pair: Pair, server: RealRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.first.turns()
    (tmp_path / "boot").write_text("another boot")
    monkeypatch.setattr(lease, "BOOT_ID", tmp_path / "boot")

    assert not Node(tmp_path / "first", server, pair.clock).turns()


def test_an_answer_that_is_lost_does_no_harm(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost(*arguments: Any, **named: Any) -> Held:
        Cache.claim(pair.first.cache, *arguments, **named)
        raise StateError("the answer was lost")

    monkeypatch.setattr(pair.first.cache, "claim", lost)
    assert not pair.first.turns()
    assert not pair.second.turns()
    monkeypatch.undo()

    assert pair.first.turns()
    assert not pair.second.turns()


def test_what_a_stale_one_writes_is_refused(pair: Pair) -> None:
    pair.first.turns()
    pair.redis.client.set(LEASE, FREE)
    pair.second.turns()
    entry = Mirrored(generation=99, digest="d", writer="first")

    assert not pair.first.cache.mirror(pair.first.me, entry, "text")
    assert pair.redis.client.hget(WANTED, "generation") is None


def test_the_higher_generation_wins(pair: Pair) -> None:
    pair.first.wants(7, "db")
    pair.first.turns()
    text = wanted_path(pair.first.home, "local").read_text()
    pair.first.wants(9, "llm")
    pair.first.turns()
    wanted_path(pair.first.home, "local").write_text(text)

    pair.first.turns()

    assert pair.first.names == (9, ["llm"])
    assert pair.first.changes == 2


def test_what_cannot_be_read_on_disk_is_taken_from_redis_and_kept_aside(pair: Pair) -> None:
    pair.first.wants(7, "db")
    pair.first.turns()
    path = wanted_path(pair.first.home, "local")
    path.write_text("damaged")

    pair.first.turns()

    assert pair.first.names == (7, ["db"])
    assert path.with_suffix(".damaged").read_text() == "damaged"


def test_what_a_stand_by_copied_and_then_lost_is_copied_again(pair: Pair) -> None:
    pair.first.wants(7, "db")
    pair.first.turns()
    pair.second.turns()
    path = wanted_path(pair.second.home, "local")
    path.write_text("damaged")

    pair.second.turns()

    assert pair.second.names == (7, ["db"])


def test_where_an_instance_was_placed_is_copied_though_the_generation_is_the_same(pair: Pair) -> None:
    pair.first.wants(7, "db")
    pair.first.turns()
    pair.second.turns()
    write_wanted(wanted_path(pair.first.home, "local"), wanted(placed("box2", "db"), generation=7))
    pair.first.turns()
    pair.second.turns()

    stored = read_wanted(wanted_path(pair.second.home, "local"))
    assert stored is not None
    assert [one.placed_on for one in stored.instances] == ["box2"]


def test_what_can_be_read_nowhere_is_left_as_it_is(pair: Pair) -> None:
    path = wanted_path(pair.first.home, "local")
    path.write_text("damaged")
    pair.first.turns()

    assert path.read_text() == "damaged"
    assert pair.redis.client.hgetall(WANTED) == {}


def test_two_folders_that_have_each_wanted_something_are_not_mixed(pair: Pair) -> None:
    pair.first.wants(3, "db")
    pair.second.wants(5, "llm")
    pair.first.turns()
    pair.redis.client.set(LEASE, FREE)

    assert not pair.second.turns()
    assert "give the provisioner another name" in pair.second.courier.problem()
    assert pair.second.names == (5, ["llm"])


def test_a_redis_of_other_controllers_in_place_of_ours_is_not_believed(pair: Pair) -> None:
    pair.first.wants(3, "db")
    pair.first.turns()
    pair.redis.client.flushall()
    pair.redis.client.set(IDENTITY, "decaf")
    pair.redis.client.hset(WANTED, mapping={"generation": "99", "digest": "d", "writer": "w", "text": "theirs"})

    assert pair.first.turns()
    assert pair.first.names == (3, ["db"])
    assert "give the provisioner another name" in pair.first.courier.problem()
    assert pair.redis.client.hget(WANTED, "generation") == "99"


def test_what_redis_holds_is_damaged_and_does_no_harm(pair: Pair) -> None:
    pair.first.wants(3, "db")
    pair.first.turns()
    pair.redis.client.hset(WANTED, mapping={"generation": "99", "text": "damaged"})

    assert pair.first.turns()
    assert pair.first.names == (3, ["db"])
    assert "the wanted set in Redis" in pair.first.courier.problem()


def test_a_frozen_redis_holds_nobody_up(pair: Pair) -> None:
    pair.first.turns()
    pair.redis.freeze()
    try:
        began = time.monotonic()
        pair.first.turns()
        turned = time.monotonic() - began
        pair.first.courier.sync()
        synced = time.monotonic() - began - turned
    finally:
        pair.redis.thaw()

    assert turned < 4 * ANSWER_S
    assert synced < SYNC_S + 0.3
    assert "does not work" in pair.first.courier.problem()
    assert pair.first.turns()
    assert pair.first.courier.problem() == ""


@pytest.mark.parametrize(
    ("breaks", "heals", "says"),
    [
        (("config_set", "maxmemory", "1"), ("config_set", "maxmemory", "0"), "make room there"),
        (("replicaof", "127.0.0.1", "1"), ("replicaof", "NO", "ONE"), "takes writes"),
        (("config_set", "requirepass", "s3cret"), None, "check its username and password"),
    ],
    ids=["full", "read-only", "password"],
)
def test_a_redis_that_takes_nothing_is_told_and_healed(
    pair: Pair, breaks: tuple[str, ...], heals: tuple[str, ...] | None, says: str
) -> None:
    pair.first.turns()
    getattr(pair.redis.client, breaks[0])(*breaks[1:])
    pair.first.link.close()

    assert pair.first.turns()
    assert says in pair.first.courier.problem()
    if heals is not None:
        getattr(pair.redis.client, heals[0])(*heals[1:])
        assert pair.first.turns()
        assert pair.first.courier.problem() == ""


def test_a_wrong_password_is_said_without_it(tmp_path: Path) -> None:
    server = RealRedis(tmp_path, password="the right one")
    server.start()
    try:
        server.client.set(LEASE, FREE)
        node = Node(tmp_path / "node", server, Clock())
        assert node.turns()
        server.configure("requirepass", "another one")
        node.link.close()
        node.turns()
    finally:
        server.kill()

    assert "check its username and password" in node.courier.problem()
    assert "right" not in node.courier.problem()


def test_what_is_written_is_in_redis_when_sync_returns(pair: Pair) -> None:
    thread = threading.Thread(target=pair.first.courier.run, daemon=True)
    thread.start()
    pair.first.courier.sync()
    pair.first.wants(3, "db")
    pair.first.courier.sync()

    assert pair.redis.client.hget(WANTED, "generation") == "3"
    pair.first.courier.stop()
    thread.join(5)
    assert not thread.is_alive()
