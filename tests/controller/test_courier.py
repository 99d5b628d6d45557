"""Controllers that share one real Redis, whatever happens to it or to them."""

import threading
from pathlib import Path
from typing import Any

import pytest

from ozwald.controller.leadership import SETTLE_S
from ozwald.errors import StateError
from ozwald.state import lease
from ozwald.state.cache import Cache, Mirrored
from ozwald.state.lease import FREE, LEASE_S, Held
from ozwald.state.wanted import read_wanted, wanted_path, write_wanted
from tests.builders import placed, wanted
from tests.controller.pair import IDENTITY, LEASE, WANTED, Clock, Node, Pair
from tests.real_redis import RealRedis


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
    assert pair.redis.client.hget(WANTED, "number") == "7"


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
    entry = Mirrored(number=99, digest="d", writer="first")

    assert not pair.first.cache.mirror(pair.first.me, "wanted", entry, "text")
    assert pair.redis.client.hget(WANTED, "number") is None


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
