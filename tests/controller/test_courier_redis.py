"""A Redis that is frozen, full, damaged or not ours, and the controllers that use it."""

import threading
import time
from pathlib import Path

import pytest

from ozwald.controller.courier import SYNC_S
from ozwald.state.lease import FREE
from ozwald.state.redis_link import ANSWER_S
from tests.controller.pair import IDENTITY, LEASE, WANTED, Clock, Node, Pair
from tests.real_redis import RealRedis


def test_a_redis_of_other_controllers_in_place_of_ours_is_not_believed(pair: Pair) -> None:
    pair.first.wants(3, "db")
    pair.first.turns()
    pair.redis.client.flushall()
    pair.redis.client.set(IDENTITY, "decaf")
    pair.redis.client.hset(WANTED, mapping={"number": "99", "digest": "d", "writer": "w", "text": "theirs"})

    assert pair.first.turns()
    assert pair.first.names == (3, ["db"])
    assert "give the provisioner another name" in pair.first.courier.problem()
    assert pair.redis.client.hget(WANTED, "number") == "99"


def test_what_redis_holds_is_damaged_and_does_no_harm(pair: Pair) -> None:
    pair.first.wants(3, "db")
    pair.first.turns()
    pair.redis.client.hset(WANTED, mapping={"number": "99", "text": "damaged"})

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

    # The package's own retries would take fifteen seconds; a busy machine may take one.
    assert turned < 4 * ANSWER_S + 1
    assert synced < SYNC_S + 1
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

    assert pair.redis.client.hget(WANTED, "number") == "3"
    pair.first.courier.stop()
    thread.join(5)
    assert not thread.is_alive()
