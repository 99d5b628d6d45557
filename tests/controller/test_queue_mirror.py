"""Requests for footprints that were acknowledged are not lost with their controller, whatever happens to Redis."""

import threading
from dataclasses import replace

import pytest

from ozwald.controller.footprint_desk import FootprintDesk
from ozwald.controller.leadership import SETTLE_S, NotLeading
from ozwald.model.footprint import RunStatus
from ozwald.model.history import Author
from ozwald.planning.footprint_runs import Choice
from ozwald.state.lease import FREE, LEASE_S
from tests.builders import definition
from tests.controller.pair import LEASE, QUEUE, Node, Pair


def begins(node: Node, request_id: str) -> None:
    """Its only run begins."""
    node.queue.change(
        request_id, lambda one: replace(one, runs=(replace(one.runs[0], status=RunStatus.RUNNING, attempts=1),))
    )


def test_the_stand_by_takes_over_what_was_asked_for_and_how_far_it_has_come(pair: Pair) -> None:
    pair.first.turns()
    pair.first.asks("a")
    pair.first.asks("b")
    begins(pair.first, "a")
    pair.first.turns()
    pair.second.turns()
    assert pair.second.asked == ["a", "b"]
    pair.passes(LEASE_S + 1, pair.second)

    assert not pair.second.leadership.doubt()
    assert pair.second.queue.find("a").runs[0].attempts == 1
    pair.second.asks("c")
    pair.second.turns()
    pair.first.turns()
    assert pair.first.asked == ["a", "b", "c"]


def test_what_is_acknowledged_is_in_redis(pair: Pair) -> None:
    thread = threading.Thread(target=pair.first.courier.run, daemon=True)
    thread.start()
    pair.first.courier.sync()
    desk = FootprintDesk(
        queue=pair.first.queue,
        book=pair.first.home.path / "footprints.yml",
        leadership=pair.first.leadership,
        on_stored=pair.first.courier.sync,
    )
    ann = Author(owner="ann", command="footprint_services web")
    request = desk.submit([Choice(definition=definition("web"))], hosts=None, run_time_s=None, author=ann)

    assert request.request_id in str(pair.redis.client.hget(QUEUE, "text"))
    pair.first.courier.stop()
    thread.join(5)


def test_a_stand_by_changes_nothing(pair: Pair) -> None:
    pair.first.turns()
    pair.first.asks("a")
    pair.first.turns()
    pair.second.turns()

    with pytest.raises(NotLeading):
        pair.second.asks("b")
    with pytest.raises(NotLeading):
        pair.second.queue.cancel("a")


def test_what_one_wrote_that_was_cut_off_gives_way_to_who_followed(pair: Pair) -> None:
    pair.first.turns()
    pair.first.asks("a")
    pair.first.turns()
    pair.second.turns()
    for _ in range(5):  # Redis hears nothing of these
        begins(pair.first, "a")
    pair.redis.client.set(LEASE, FREE)
    pair.second.turns()
    pair.second.queue.begin_term()
    pair.second.asks("b")
    pair.second.turns()

    assert not pair.first.turns()
    assert pair.first.asked == ["a", "b"]
    assert pair.first.queue.find("a").runs[0].status is RunStatus.QUEUED


def test_a_flush_is_made_good_and_the_stand_by_keeps_its_copy(pair: Pair) -> None:
    pair.first.turns()
    pair.first.asks("a")
    pair.first.turns()
    pair.second.turns()
    pair.redis.client.flushall()

    assert not pair.second.turns()
    assert pair.second.asked == ["a"]
    assert pair.first.turns()
    assert pair.redis.client.hget(QUEUE, "number") == "1"


def test_without_redis_requests_are_taken_and_mirrored_when_it_is_back(pair: Pair) -> None:
    pair.first.turns()
    pair.redis.kill()
    pair.first.turns()
    pair.first.asks("a")
    begins(pair.first, "a")
    pair.redis.start()
    pair.first.turns()

    assert pair.redis.client.hget(QUEUE, "number") == "2"
    pair.passes(SETTLE_S + LEASE_S, pair.first, pair.second)
    assert pair.second.asked == ["a"]


def test_a_full_redis_takes_nothing_and_heals(pair: Pair) -> None:
    pair.first.turns()
    pair.redis.configure("maxmemory", "1")
    pair.first.asks("a")
    assert pair.first.turns()
    assert pair.redis.client.exists(QUEUE) == 0
    pair.redis.configure("maxmemory", "0")
    pair.first.turns()

    assert pair.redis.client.hget(QUEUE, "number") == "1"
    assert pair.first.courier.problem() == ""


def test_what_is_damaged_in_redis_is_told_and_not_believed(pair: Pair) -> None:
    pair.first.turns()
    pair.first.asks("a")
    pair.first.turns()
    pair.redis.client.hset(QUEUE, mapping={"number": "99", "digest": "d", "text": "damaged"})

    assert pair.first.turns()
    assert pair.first.asked == ["a"]
    assert "delete the key ozwald:local:footprints there" in pair.first.courier.problem()
    pair.redis.client.delete(QUEUE)
    pair.first.turns()
    assert pair.first.courier.problem() == ""


def test_what_is_damaged_on_disk_is_taken_from_redis_and_kept_aside(pair: Pair) -> None:
    pair.first.turns()
    pair.first.asks("a")
    pair.first.turns()
    pair.first.queue.path.write_text("damaged")

    pair.first.turns()

    assert pair.first.asked == ["a"]
    assert pair.first.queue.path.with_suffix(".damaged").read_text() == "damaged"


def test_two_folders_in_which_something_was_measured_are_not_mixed(pair: Pair) -> None:
    pair.second.turns()
    pair.second.asks("mine")
    pair.redis.client.flushall()
    pair.redis.client.set(LEASE, FREE)
    pair.first.turns()
    pair.second.turns()

    assert "requests for footprints of another" in pair.second.courier.problem()
    assert pair.second.asked == ["mine"]
    assert pair.first.asked == []
