"""Who takes over, or starts again, knows the facts and the events that were told through Redis."""

from dataclasses import replace
from pathlib import Path

import pytest

from ozwald.controller import shared
from ozwald.controller.board import View
from ozwald.model.event import EventKind
from ozwald.model.resources import HostResources
from ozwald.planning.events import EventQuery
from ozwald.state.lease import FREE
from ozwald.state.records import Records
from tests.controller.pair import LEASE, Clock, Node, Pair
from tests.real_redis import RealRedis

FACTS, EVENTS = "ozwald:local:facts", "ozwald:local:events"
BOX1 = HostResources(host="box1", observed_at=1000.5, memory_total_bytes=1 << 30)
BOX2 = HostResources(host="box2", observed_at=1001.0)


def sees(node: Node, *facts: HostResources, silent: tuple[str, ...] = ()) -> None:
    """The node's loop has made a pass."""
    hosts = {one.host: "" for one in facts} | dict.fromkeys(silent, "no route")
    resources = {one.host: one for one in facts}
    node.board.publish(View(number=node.board.view.number + 1, hosts=hosts, resources=resources))


def notes(node: Node, *texts: str) -> None:
    for text in texts:
        node.journal.note(EventKind.SERVICE_STATUS, text=text)


def history(node: Node) -> list[tuple[int, str]]:
    return [(event.id, event.text) for event in node.journal.choose(EventQuery())]


def texts(node: Node) -> list[str]:
    return [text for _, text in history(node)]


def takes_over(pair: Pair) -> None:
    pair.redis.client.set(LEASE, FREE)
    assert pair.second.turns()


class TestFacts:
    def test_who_takes_over_knows_those_of_a_host_that_is_silent_for_it(self, pair: Pair) -> None:
        sees(pair.first, BOX1, BOX2)
        pair.first.turns()
        takes_over(pair)

        newer = replace(BOX2, observed_at=2000.0)
        sees(pair.second, newer, silent=("box1",))

        assert pair.second.board.view.resources == {"box1": BOX1, "box2": newer}

    def test_they_are_shown_before_the_first_look_at_a_host(self, pair: Pair) -> None:
        sees(pair.first, BOX1, BOX2)
        pair.first.turns()
        pair.second.board.publish(View(hosts={"box1": "not yet"}))
        pair.second.turns()

        assert pair.second.board.view.resources == {"box1": BOX1}

    def test_they_are_written_when_they_change(self, pair: Pair) -> None:
        sees(pair.first, BOX1, BOX2)
        pair.first.turns()
        pair.redis.client.hset(FACTS, "box2", "as it was")
        sees(pair.first, replace(BOX1, observed_at=2000.0), BOX2)
        pair.first.turns()

        assert '"observed_at": 2000.0' in str(pair.redis.client.hget(FACTS, "box1"))
        assert pair.redis.client.hget(FACTS, "box2") == "as it was"

    def test_those_of_hosts_that_left_are_forgotten_and_those_of_silent_ones_kept(self, pair: Pair) -> None:
        sees(pair.first, BOX1, BOX2)
        pair.first.turns()
        pair.first.courier.turn()
        sees(pair.first, silent=("box2",))
        pair.first.turns()

        assert pair.redis.client.hkeys(FACTS) == ["box2"]

    def test_a_controller_that_is_started_again_forgets_none_before_its_first_pass(
        self, tmp_path: Path, pair: Pair, server: RealRedis
    ) -> None:
        sees(pair.first, BOX1)
        pair.first.turns()
        again = Node(tmp_path / "first", server, pair.clock)
        again.turns()

        assert pair.redis.client.hkeys(FACTS) == ["box1"]
        sees(again, silent=("box1",))
        assert again.board.view.resources == {"box1": BOX1}

    @pytest.mark.parametrize(
        "text",
        ["[]", "{", '{"host": "box1", "observed_at": NaN}', '{"host": "box2", "observed_at": 1}', "[" * 100_000],
        ids=["list", "half", "NaN", "of another", "deep"],
    )
    def test_damaged_ones_are_left_out(self, pair: Pair, text: str) -> None:
        pair.redis.client.hset(FACTS, "box1", text)
        assert pair.first.turns()
        sees(pair.first, silent=("box1",))

        assert pair.first.courier.problem() == ""
        assert pair.first.board.view.resources == {}


class TestEvents:
    def test_both_controllers_of_a_pair_answer_the_same_after_a_take_over(self, pair: Pair) -> None:
        notes(pair.first, "one", "two")
        pair.first.turns()
        pair.second.turns()
        notes(pair.first, "three")
        pair.first.turns()
        takes_over(pair)
        notes(pair.second, "four")
        pair.second.turns()
        pair.first.turns()

        assert history(pair.first) == history(pair.second)
        assert texts(pair.first) == ["one", "two", "three", "four"]

    def test_one_without_a_data_folder_has_the_history_of_the_one_before(
        self, tmp_path: Path, pair: Pair, server: RealRedis
    ) -> None:
        notes(pair.first, *map(str, range(2 * shared.PAGE + 3)))
        pair.first.turns()

        fresh = Node(tmp_path / "fresh", server, pair.clock)
        fresh.turns()

        assert history(fresh) == history(pair.first)

    def test_a_long_history_is_told_turn_by_turn(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shared, "PAGE", 3)
        monkeypatch.setattr(shared, "PAGES", 2)
        notes(pair.first, *map(str, range(20)))
        for _ in range(4):
            pair.first.turns()
            pair.second.turns()

        assert history(pair.second) == history(pair.first)

    def test_an_answer_that_is_lost_doubles_nothing(self, pair: Pair) -> None:
        notes(pair.first, "one", "two")
        pair.first.turns()
        found = pair.first.journal.after(0)
        Records(pair.first.link).tell_events(pair.first.me, [(one.id, "again") for one in found])

        assert pair.redis.client.xlen(EVENTS) == 2

    @pytest.mark.parametrize("entry", [("event", "{}"), ("other", "{}"), ("event", "[" * 100_000)])
    def test_damaged_ones_are_left_out(self, pair: Pair, entry: tuple[str, str]) -> None:
        pair.redis.client.xadd(EVENTS, {entry[0]: entry[1]}, id="7-0")
        notes(pair.first, "one")

        assert pair.first.turns()
        assert texts(pair.first) == ["one"]
        assert pair.redis.client.xlen(EVENTS) == 2


def test_a_flushed_redis_is_filled_again(pair: Pair) -> None:
    sees(pair.first, BOX1)
    notes(pair.first, "one")
    pair.first.turns()
    pair.redis.client.flushall()
    notes(pair.first, "two")
    pair.first.turns()

    assert pair.redis.client.hkeys(FACTS) == ["box1"]
    assert pair.redis.client.xlen(EVENTS) == 2


def test_who_stands_by_writes_neither(pair: Pair) -> None:
    pair.first.turns()
    sees(pair.second, BOX1)
    notes(pair.second, "mine")
    pair.second.turns()
    records = Records(pair.second.link)
    records.tell_facts(pair.second.me, {"box1": "stale"}, without=())
    records.tell_events(pair.second.me, [(1, "stale")])

    assert pair.redis.client.exists(FACTS, EVENTS) == 0


def test_a_user_with_the_rights_that_are_advised_may_do_all_of_it(tmp_path: Path, server: RealRedis) -> None:
    rights = ["+hello", "+auth", "+client|setinfo", "+get", "+set", "+pttl", "+eval", "+@hash", "+@stream"]
    server.client.acl_setuser("ann", enabled=True, passwords=["+s3cret"], commands=rights, keys=["ozwald:*"])
    server.address = replace(server.address, username="ann", password="s3cret")
    node = Node(tmp_path / "node", server, Clock())
    sees(node, BOX1)
    notes(node, "one")
    node.wants(1, "db")

    assert node.turns()
    assert node.courier.problem() == ""


@pytest.mark.parametrize("name", [FACTS, EVENTS])
def test_a_key_that_is_something_else_keeps_nobody_from_the_lease(pair: Pair, name: str) -> None:
    pair.redis.client.set(name, "not ours")

    assert pair.first.turns()
    assert pair.second.turns() is False
    assert "delete the keys ozwald:*" in pair.first.courier.problem()
    pair.redis.client.delete(name)
    assert pair.first.turns()
    assert pair.first.courier.problem() == ""
