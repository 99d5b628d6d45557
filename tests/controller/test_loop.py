"""The loop keeps what was asked for running on fake engines, whatever happens to them."""

import time
from pathlib import Path
from typing import Any

import pytest

from ozwald.controller.leadership import Leadership
from ozwald.controller.watch import ROOM_FACTS_S
from ozwald.model.active import Status
from ozwald.planning.asking import Exactly
from tests.builders import request
from tests.controller.world import ME, World
from tests.fakes.engine import FakeContainer


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "home")


def test_nothing_is_touched_before_anything_was_asked_for(world: World) -> None:
    world.passes()

    assert world.running() == {"box1": [], "box2": []}
    assert world.board.view.hosts == {"box1": "", "box2": ""}


def test_what_is_asked_for_runs(world: World) -> None:
    world.asks("db", "llm")
    world.passes()

    assert sorted([*world.running()["box1"], *world.running()["box2"]]) == ["db", "llm"]
    assert world.statuses == {"db": Status.AVAILABLE, "llm": Status.AVAILABLE}
    assert world.board.view.generation == 1


def test_what_is_not_asked_for_any_more_is_stopped(world: World) -> None:
    world.asks("db", "llm")
    world.passes()
    world.asks("llm")
    world.passes()

    assert world.statuses == {"llm": Status.AVAILABLE}


def test_what_waits_for_a_port_starts_when_it_has_become_free(world: World) -> None:
    world.taken_ports = [8080]
    world.asks("web")
    world.passes()
    assert world.statuses == {"web": Status.WAITING}

    world.taken_ports = []
    world.slept_s = ROOM_FACTS_S
    world.passes()

    assert world.statuses == {"web": Status.AVAILABLE}


def test_a_container_that_was_removed_comes_back(world: World) -> None:
    world.asks("db")
    world.passes()
    world.links.engines["box1"].containers.clear()
    world.passes()

    assert world.running()["box1"] == ["db"]


def test_a_host_that_does_not_answer_destroys_nothing(world: World) -> None:
    world.asks("db")
    world.passes()
    world.links.cut.add("box1")
    world.passes()

    assert world.statuses == {"db": Status.UNREACHABLE}
    assert world.running() == {"box1": ["db"], "box2": []}
    world.links.cut.clear()
    world.passes()
    assert world.statuses == {"db": Status.AVAILABLE}


def test_when_no_host_answers_nothing_is_done(world: World) -> None:
    world.asks("db")
    world.links.cut |= {"box1", "box2"}
    world.passes()

    assert world.statuses == {"db": Status.WAITING}
    assert world.board.view.hosts == {"box1": "no route to host", "box2": "no route to host"}


def test_what_fails_says_why_and_is_left_alone_for_a_while(world: World) -> None:
    world.asks("bad")
    world.passes(5)

    service = world.board.view.services[0]
    tries = [one for engine in world.links.engines.values() for one in engine.calls if one[0] == "pull"]
    assert service.status is Status.FAILED
    assert "bad:1" in service.reason
    assert "tried again in" in service.reason
    assert len(tries) == 1


def test_a_wanted_set_that_cannot_be_read_means_hold(world: World) -> None:
    world.asks("db")
    world.passes()
    (world.home.path / "wanted" / "local.json").write_text("{}")

    world.loop._pass_safely()

    assert world.running()["box1"] == ["db"]
    assert "damaged" in world.board.view.problem


def test_a_silent_host_is_told_with_what_ran_there_last(world: World) -> None:
    world.asks("db")
    world.passes()
    world.links.cut.add("box1")
    world.passes()

    [service] = world.board.view.services
    assert (service.host, service.image) == ("box1", "db:1")
    assert service.reason == "box1 does not answer (no route to host); it was available when last seen"


def test_nothing_is_changed_by_what_was_seen_before_the_machine_slept(world: World) -> None:
    world.asks("db")
    world.watch.look_now()
    world.slept_s = 3600.0
    world.loop.pass_once()
    assert world.running() == {"box1": [], "box2": []}

    world.passes()

    assert world.running()["box1"] == ["db"]


def test_nothing_is_done_twice_by_a_look_from_before_it_was_done(world: World) -> None:
    world.asks("db")
    world.passes(1)
    for _ in range(3):
        world.loop.pass_once()

    creates = [one for engine in world.links.engines.values() for one in engine.calls if one[0] == "create"]
    assert len(creates) == 1
    assert world.loop._troubles.reasons == {}


def test_what_ends_again_and_again_is_started_more_and_more_rarely(world: World) -> None:
    world.asks("db")
    world.passes()
    for _ in range(10):
        if world.links.engines["box1"].named("ozsvc--default--db").state == "running":
            world.links.engines["box1"].exit("ozsvc--default--db", 7)
        world.passes(2)

    [service] = world.board.view.services
    assert service.status is Status.FAILED
    assert "ended 2 times in a row" in service.reason
    assert world.links.engines["box1"].named("ozsvc--default--db").starts == 2


def test_what_ends_again_and_again_has_no_clean_slate_after_a_restart_of_the_controller(world: World) -> None:
    world.asks("db")
    world.passes()
    for _ in range(2):
        world.links.engines["box1"].exit("ozsvc--default--db")
        world.passes()

    again = World(world.home.path, links=world.links)
    again.passes(2)

    assert again.statuses == {"db": Status.FAILED}
    assert again.links.engines["box1"].named("ozsvc--default--db").starts == 2


def test_what_its_engine_restarts_again_and_again_is_stopped_until_the_next_try(world: World) -> None:
    world.asks("db")
    world.passes()
    container = world.links.engines["box1"].named("ozsvc--default--db")
    for _ in range(2):
        container.state = "running"
        world.passes(1)
        container.state = "restarting"
        world.watch.look_now()
        world.loop.pass_once()
        while world.loop.work.under_way:
            time.sleep(0.001)

    assert container.state == "exited"
    assert world.statuses == {"db": Status.FAILED}


def test_one_that_turns_unhealthy_is_restarted_and_after_that_more_and_more_rarely(world: World) -> None:
    world.asks("db")
    world.passes()
    engine = world.links.engines["box1"]
    db = engine.named("ozsvc--default--db")
    turns_unhealthy(world, db)
    world.passes(2)
    assert (db.starts, world.statuses["db"], db.health) == (2, Status.AVAILABLE, None)

    turns_unhealthy(world, db)
    world.passes(2)

    [service] = world.board.view.services
    assert (db.starts, db.state, service.status) == (2, "running", Status.FAILED)
    assert service.reason.startswith(
        "its healthcheck says unhealthy: no model: ********; that is 2 failures in a row; tried again in "
    )


def test_one_that_is_not_to_be_restarted_is_told_as_unhealthy_and_left(world: World) -> None:
    world.asks("once")
    world.passes()
    once = world.links.engines["box1"].named("ozsvc--default--once")
    turns_unhealthy(world, once)
    world.passes(2)

    [service] = world.board.view.services
    assert (once.starts, once.state, service.status) == (1, "running", Status.FAILED)
    assert service.reason.startswith("its healthcheck says unhealthy: no model: ********; ")


def turns_unhealthy(world: World, container: FakeContainer) -> None:
    """Some time after it was started, and seen to be well."""
    world.watch.look_now()
    world.loop.pass_once()
    container.health, container.health_output = "unhealthy", "no model:\n of-the-hub-1234\n"


def test_one_that_stands_by_shows_what_it_sees_and_touches_nothing(world: World) -> None:
    world.asks("db")
    world.loop._leadership = Leadership()
    world.links.cut.add("box2")
    world.watch.look_now()
    world.loop._pass_safely()

    view = world.board.view
    assert view.hosts == {"box1": "", "box2": "no route to host"}
    assert view.resources.keys() == {"box1"}
    assert world.running() == {"box1": [], "box2": []}


def test_a_reboot_forgives_what_went_wrong_before(world: World) -> None:
    world.asks("db")
    world.passes()
    for _ in range(2):
        world.links.engines["box1"].exit("ozsvc--default--db", 7)
        world.passes(2)
    assert world.statuses == {"db": Status.FAILED}

    world.boots["box1"] = "another"
    world.watch._observers["box1"].forget_facts()
    world.passes()

    assert world.statuses == {"db": Status.AVAILABLE}


def test_an_instance_never_leaves_a_host_because_it_is_silent(world: World) -> None:
    world.asks("db")
    world.passes()
    world.links.cut.add("box1")
    world.asks("db", "llm")
    world.passes()

    assert world.running() == {"box1": ["db"], "box2": ["llm"]}


def test_other_settings_are_tried_though_the_last_ones_failed(world: World) -> None:
    world.asks("bad")
    world.passes(5)
    assert world.statuses == {"bad": Status.FAILED}

    world.desk.submit(Exactly(requests=(request("bad", service="llm"),)), author=ME)
    world.passes()

    assert world.statuses == {"bad": Status.AVAILABLE}


def test_what_follows_a_replacement_is_restarted_once(world: World) -> None:
    world.asks("db", "app")
    world.passes(5)
    world.desk.submit(Exactly(requests=(request("db", profile="two"), request("app"))), author=ME)
    world.passes(8)

    assert world.statuses == {"app": Status.AVAILABLE, "db": Status.AVAILABLE}
    assert world.links.engines["box1"].named("ozsvc--default--app").starts == 2


def test_nothing_begins_by_a_plan_for_what_is_not_wanted_any_more(world: World) -> None:
    world.asks("db")
    world.watch.look_now()
    real_plan = world.loop._plan

    def slow_plan(*words: Any) -> Any:
        plan = real_plan(*words)
        world.asks("llm")
        return plan

    world.loop._plan = slow_plan  # type: ignore[method-assign,assignment]
    world.loop.pass_once()

    assert world.running() == {"box1": [], "box2": []}


def test_nothing_is_replaced_where_a_close_look_has_no_answer(world: World) -> None:
    world.asks("db")
    world.passes()
    world.desk.submit(Exactly(requests=(request("db", profile="two"),)), author=ME)
    world.links.engines["box1"].fail("details")
    world.passes(1)
    assert world.links.engines["box1"].named("ozsvc--default--db").starts == 1
    assert len(world.links.engines["box1"].containers) == 1

    world.passes()

    container = world.links.engines["box1"].named("ozsvc--default--db")
    assert container.config["Labels"]["ozwald.profile"] == "two"


def starts(world: World, name: str) -> int:
    return world.links.engines["box1"].named(f"ozsvc--default--{name}").starts


def test_what_was_asked_to_restart_does_so_once_with_what_follows_it(world: World) -> None:
    world.asks("db", "app", "llm")
    world.passes(5)
    before = [starts(world, name) for name in ("db", "app", "llm")]

    first = world.restarts("db")
    world.watch.look_now()
    assert world.restarts("db") == first
    world.passes(5)

    assert [starts(world, name) for name in ("db", "app", "llm")] == [before[0] + 1, before[1] + 1, before[2]]
    assert world.desk.wanted().restarts == ()  # type: ignore[union-attr]
    assert set(world.statuses.values()) == {Status.AVAILABLE}


def test_a_restart_is_owed_until_it_worked(world: World) -> None:
    world.asks("db")
    world.passes()
    world.links.engines["box1"].on_start = lambda container: setattr(container, "state", "exited")

    world.restarts("db")
    assert [one.reason for one in world.board.view.services] == [""]
    world.passes()
    [service] = world.board.view.services
    assert (service.status, len(world.desk.wanted().restarts)) == (Status.FAILED, 1)  # type: ignore[union-attr]

    world.links.engines["box1"].on_start = None
    world.loop._troubles.forget(service.key)
    world.passes()
    assert world.statuses == {"db": Status.AVAILABLE}
    assert world.desk.wanted().restarts == ()  # type: ignore[union-attr]


def test_a_restart_tries_at_once_what_is_left_alone_for_a_while(world: World) -> None:
    world.asks("db")
    world.passes()
    engine = world.links.engines["box1"]
    for _ in range(4):
        engine.exit("ozsvc--default--db", 7)
        world.passes(2)
    assert world.statuses == {"db": Status.FAILED}

    world.restarts("db")
    world.passes(2)

    assert world.statuses == {"db": Status.AVAILABLE}
