"""What is asked for becomes durable before anything is changed, and reading it changes nothing."""

import pytest

from ozwald.errors import NothingReachable, RequestError, StateError
from ozwald.model.plan import Action
from ozwald.planning.asking import Removing
from ozwald.state.wanted import changing_wanted
from tests.builders import key, placed, request, wanted
from tests.execution.desk import Desk

LOOKS = {"list_containers", "facts", "ping"}


def test_the_first_request_is_the_first_generation(desk: Desk) -> None:
    intent = desk.intend(request())

    assert intent.wanted == wanted(placed("box1"), generation=1)
    assert [operation.action for operation in intent.plan.operations] == [Action.CREATE]


def test_intending_writes_nothing_and_changes_nothing(desk: Desk) -> None:
    desk.intend(request())

    assert list(desk.home.path.iterdir()) == []
    assert {method for engine in desk.fleet.engines.values() for method, _ in engine.calls} <= LOOKS


def test_what_is_made_durable_is_what_was_intended(desk: Desk) -> None:
    intent = desk.intend(request())

    desk.make_durable(intent)

    assert desk.stored == intent.wanted


def test_asking_for_the_same_again_is_no_new_generation(desk: Desk) -> None:
    desk.make_durable(desk.intend(request()))

    assert desk.intend(request()).wanted.generation == 1
    assert desk.intend(again=True).wanted == desk.stored


def test_any_change_is_a_new_generation(desk: Desk) -> None:
    desk.make_durable(desk.intend(request()))

    assert desk.intend(request(), request("web")).wanted.generation == 2
    assert desk.intend(request(host="box1")).wanted.generation == 2
    assert desk.intend().wanted == wanted(generation=2)


def test_the_whole_set_is_replaced_and_what_stays_keeps_its_place(desk: Desk) -> None:
    desk.store(wanted(placed("box2"), placed("box1", "web"), generation=4))
    desk.fleet.down = {"box2"}

    intent = desk.intend(request())

    assert intent.wanted == wanted(placed("box2"), generation=5)
    assert [operation.action for operation in intent.plan.operations] == [Action.BLOCKED]


class TestForgetting:
    """What was dropped while it could not be stopped is not forgotten, and so gets no twin."""

    def test_what_cannot_be_stopped_is_told_until_it_is_gone(self, changing: Desk) -> None:
        changing.apply(request(host="box2"), request("web", host="box1"))
        changing.fleet.down = {"box2"}

        assert changing.apply(request("web")) == {"keep web": "box1", "blocked llm": "box2"}
        assert changing.apply(request("web")) == {"keep web": "box1", "blocked llm": "box2"}

        changing.fleet.down = set()

        assert changing.apply(request("web")) == {"keep web": "box1", "stop llm": "box2"}
        changing.apply(request("web"))
        assert changing.stored == wanted(placed("box1", "web"), generation=2)

    def test_what_is_asked_for_again_is_held_where_it_is(self, changing: Desk) -> None:
        changing.apply(request(host="box2"), request("web"))
        changing.fleet.down = {"box2"}
        changing.apply(request("web"))

        assert changing.apply(request(), request("web"))["blocked llm"] == ""

        changing.fleet.down = set()
        changing.apply(request(), request("web"))
        assert changing.running() == ["llm on box2", "web on box1"]

    def test_what_is_pinned_elsewhere_runs_there_and_its_twin_goes_when_it_can(self, changing: Desk) -> None:
        changing.apply(request(host="box2"))
        changing.fleet.down = {"box2"}
        changing.apply()

        assert changing.apply(request(host="box1")) == {"create llm": "box1", "blocked llm": "box2"}
        assert changing.apply(request()) == {"keep llm": "box1", "blocked llm": "box2"}

        changing.fleet.down = set()
        assert changing.apply(request()) == {"keep llm": "box1", "stop llm": "box2"}
        assert changing.running() == ["llm on box1"]

    def test_a_move_whose_stop_failed_is_finished_however_late(self, changing: Desk) -> None:
        changing.apply(request(host="box1"))
        changing.make_durable(changing.intend(request(host="box2")))
        changing.fleet.down = {"box1"}

        assert changing.apply(request(host="box2"))["blocked llm"] == "box1"
        changing.apply()
        assert changing.apply(request(), request("web"))["blocked llm"] == ""
        assert changing.running() == ["llm on box1", "web on box2"]

    def test_a_host_that_left_the_inventory_is_forgotten(self, desk: Desk) -> None:
        desk.store(wanted(leaving={"llm": "gone"}))

        assert desk.intend().wanted.leaving == ()


class TestLimit:
    def test_a_limited_request_does_not_speak_of_other_hosts(self, changing: Desk) -> None:
        changing.apply(request(host="box1"), request("web", host="box1"))

        assert changing.apply(request("other", service="web"), limit="box2") == {"create other": "box2"}
        assert changing.apply(request("other", service="web")) == {
            "stop llm": "box1",
            "stop web": "box1",
            "keep other": "box2",
        }

    def test_what_has_not_left_its_last_host_is_not_made_within_a_limit(self, changing: Desk) -> None:
        changing.apply(request(host="box1"))
        changing.make_durable(changing.intend(request(host="box2")))

        assert changing.apply(request(host="box2"), limit="box2") == {}
        assert changing.running() == ["llm on box1"]

    def test_what_was_dropped_is_not_made_anew_within_a_limit(self, changing: Desk) -> None:
        changing.apply(request(host="box1"))
        changing.fleet.down = {"box1"}
        changing.apply()

        assert changing.apply(request(), limit="box2") == {}


class TestMeanwhile:
    """Another process may change the wanted set between the look at it and its writing."""

    def test_two_requests_for_different_hosts_keep_each_others_change(self, desk: Desk) -> None:
        one = desk.intend(request(host="box1"), limit="box1")
        other = desk.intend(request("web", host="box2"), limit="box2")

        desk.make_durable(one)
        second = desk.make_durable(other)

        assert desk.stored == wanted(placed("box1", host="box1"), placed("box2", "web", host="box2"), generation=2)
        assert [str(operation.key) for operation in second.plan.changes] == ["web"]

    def test_one_name_asked_for_on_two_hosts_gets_no_twin(self, desk: Desk) -> None:
        one = desk.intend(request(), limit="box1")
        other = desk.intend(request(), limit="box2")

        first, second = desk.make_durable(one), desk.make_durable(other)

        assert [operation.host for operation in first.plan.changes] == ["box1"]
        assert second.plan.changes == ()
        assert desk.stored == wanted(placed("box1"))

    def test_a_request_that_makes_no_sense_any_more_writes_nothing(self, desk: Desk) -> None:
        desk.make_durable(desk.intend(request(), request("web")))
        late = desk.ask(Removing(keys=(key(),)))
        desk.make_durable(desk.ask(Removing(keys=(key(),))))

        with pytest.raises(RequestError, match="no wanted instance 'llm'; known: web"):
            desk.make_durable(late)

        assert desk.stored is not None
        assert desk.stored.generation == 2

    def test_the_set_is_locked_only_while_it_is_written(self, desk: Desk) -> None:
        intent = desk.intend(request())
        with changing_wanted(desk.home, "local"):
            pass
        desk.make_durable(intent)

        with changing_wanted(desk.home, "local"):
            pass


def test_without_a_request_what_is_wanted_already_is_planned(desk: Desk) -> None:
    desk.store(wanted(placed("box2"), generation=4))

    assert [str(operation.key) for operation in desk.intend(again=True).plan.operations] == ["llm"]


def test_without_a_request_and_with_nothing_wanted_it_is_said_how_to_ask(desk: Desk) -> None:
    with pytest.raises(RequestError, match="nothing is wanted yet; say what: ozwald apply"):
        desk.intend(again=True)


def test_one_instance_asked_for_twice_is_an_error(desk: Desk) -> None:
    with pytest.raises(RequestError, match="instance llm is asked for twice"):
        desk.intend(request(), request(profile="fast"))


def test_a_damaged_wanted_set_means_hold(desk: Desk) -> None:
    path = desk.home.folder("wanted") / "local.json"
    path.write_text("{")

    with pytest.raises(StateError, match="is damaged"):
        desk.intend(request())

    assert path.read_text() == "{"


def test_when_no_host_answers_nothing_is_decided(desk: Desk) -> None:
    desk.fleet.down = {"box1", "box2"}

    with pytest.raises(NothingReachable) as nothing:
        desk.intend(request())

    assert set(nothing.value.failures) == {"box1", "box2"}


def test_a_host_that_does_not_answer_is_part_of_the_plan(desk: Desk) -> None:
    desk.fleet.down = {"box1"}

    intent = desk.intend(request())

    assert intent.plan.unreachable == {"box1": "no route to host"}
    assert intent.wanted.instances == (placed("box2"),)
