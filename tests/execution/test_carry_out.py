"""A whole plan: what waits for what, what a failure stops, and what Ctrl-C leaves."""

import signal
import threading
from collections.abc import Mapping
from typing import Any

import pytest

from ozwald.errors import ConnectionFailed, EngineError, Failure
from ozwald.execution.carry_out import MAX_AT_ONCE
from ozwald.execution.health import Patience
from ozwald.execution.steps import Result
from ozwald.model.container import container_name
from ozwald.model.plan import Action
from ozwald.model.realm import Realm
from tests.builders import definition, depends_on, port, realms, request, wanted
from tests.execution.fleet import NAME, Fleet, add_foreign, refuse_taken_ports, service
from tests.fakes.engine import FakeContainer

SLOW = Patience(settle_s=60.0, poll_s=60.0)


def services(**dependencies: str) -> dict[str, Realm]:
    """Definitions by name with the names they depend on; a `?` before one makes it optional."""
    return realms(
        *(
            definition(
                name,
                base={
                    "image": "web:1",
                    "depends_on": tuple(
                        dependency
                        for word in words.split()
                        for dependency in depends_on(word.lstrip("?"), required=not word.startswith("?"))
                    ),
                },
            )
            for name, words in dependencies.items()
        )
    )


def outcome(results: list[Result]) -> dict[str, str]:
    return {str(result.operation.key): result.error for result in results}


def refusal(message: str = "no") -> EngineError:
    return EngineError("box1", message, failure=Failure.TERMINAL)


def test_results_are_in_the_order_of_the_plan() -> None:
    fleet = Fleet.of("box1")
    known = services(a="b", b="", c="")

    plan = fleet.plan(wanted("a", "b", "c"), known)
    results = fleet.carry_out(plan)

    assert tuple(result.operation for result in results) == plan.operations


def test_what_is_kept_is_done_and_nothing_is_called_for_it() -> None:
    fleet = Fleet.of("box1")
    fleet.apply("llm", service())
    plan = fleet.plan("llm", service())
    fleet.box.calls.clear()

    [result] = fleet.carry_out(plan)

    assert result.is_done
    assert not fleet.box.calls


def test_what_is_blocked_is_a_failure_with_the_plans_reason() -> None:
    fleet = Fleet.of("box1")
    stranger = add_foreign(fleet.box, NAME)

    [result] = fleet.apply("llm", service())

    assert result.operation.action is Action.BLOCKED
    assert result.error == result.operation.reason
    assert fleet.box.containers == {stranger.id: stranger}


def test_a_dependant_starts_after_its_dependency_is_available() -> None:
    fleet = Fleet.of("box1", "box2")
    known = services(app="db", db="")

    fleet.apply(wanted(request("app", host="box1"), request("db", host="box2")), known)

    told = [(str(step.key), step.text) for step in fleet.steps]
    assert told.index(("db", "available")) < told.index(("app", "create on box1: not there yet"))


def test_dependants_of_a_failed_one_are_not_started_and_others_are() -> None:
    fleet = Fleet.of("box1", "box2", "box3")
    fleet.engines["box1"].fail("create", refusal("out of disk"))
    known = services(app="db", db="", web="app", other="")

    results = fleet.apply(
        wanted(
            request("db", host="box1"),
            request("app", host="box2"),
            request("web", host="box2"),
            request("other", host="box3"),
        ),
        known,
    )

    assert outcome(results) == {
        "db": "out of disk",
        "app": "not started, since db could not be",
        "web": "not started, since app could not be",
        "other": "",
    }
    assert not fleet.engines["box2"].containers


def test_a_failed_optional_dependency_stops_nothing() -> None:
    fleet = Fleet.of("box1", "box2")
    fleet.engines["box1"].fail("create", refusal("out of disk"))

    results = fleet.apply(wanted(request("db", host="box1"), request("app", host="box2")), services(app="?db", db=""))

    assert outcome(results) == {"db": "out of disk", "app": ""}


def test_a_blocked_optional_dependency_stops_nothing() -> None:
    fleet = Fleet.of("box1")
    add_foreign(fleet.box, container_name("default", "db"))

    results = fleet.apply(wanted("db", "app"), services(app="?db", db=""))

    assert outcome(results)["app"] == ""


def test_more_slow_starts_on_one_host_than_it_has_threads_keep_no_other_host_waiting() -> None:
    fleet = Fleet.of("box1", "box2")
    started_elsewhere = threading.Event()
    waited_for: list[bool] = []
    fleet.engines["box1"].on_start = lambda container: waited_for.append(started_elsewhere.wait(30.0))
    fleet.engines["box2"].on_start = lambda container: started_elsewhere.set()
    slow = [request(f"slow{number}", service="llm", host="box1") for number in range(MAX_AT_ONCE + 1)]

    fleet.apply(wanted(*slow, request("the-other", service="llm", host="box2")), service())

    assert waited_for == [True] * len(slow)


@pytest.mark.parametrize("error", [refusal(), ConnectionFailed("box1", "reset", failure=Failure.UNKNOWN)])
def test_one_hosts_failure_does_not_stop_the_others(error: Exception) -> None:
    fleet = Fleet.of("box1", "box2", "box3")
    fleet.engines["box1"].fail("ensure_network", error, times=99)  # type: ignore[arg-type]
    known = services(a="", b="", c="")

    results = fleet.apply(wanted(*(request(name, host=f"box{n}") for n, name in enumerate("abc", 1))), known)

    assert [bool(error) for error in outcome(results).values()] == [True, False, False]


def test_stops_on_a_host_make_room_before_anything_starts_there() -> None:
    fleet = Fleet.of("box1")
    before, after = service("db", ports=(port(80, 8080),)), service("web", ports=(port(80, 8080),))
    fleet.apply("db", before)
    refuse_taken_ports(fleet.box)

    results = fleet.apply("web", {"default": realms(*_definitions(before, after))["default"]})

    assert outcome(results) == {"db": "", "web": ""}


def test_a_stop_that_fails_does_not_keep_others_from_starting() -> None:
    fleet = Fleet.of("box1")
    fleet.apply("a", services(a=""))
    fleet.box.fail("stop", refusal("stuck"))

    results = fleet.apply("b", services(a="", b=""))

    assert outcome(results) == {"a": "stuck", "b": ""}


def test_an_instance_that_could_not_be_stopped_where_it_was_gets_no_twin() -> None:
    fleet = Fleet.of("box1", "box2")
    fleet.apply(wanted(request(host="box1")), service())
    fleet.engines["box1"].fail("stop", refusal("stuck"))

    stopped, moved = fleet.apply(wanted(request(host="box2")), service())

    assert stopped.error == "stuck"
    assert moved.error == "not started, since llm could not be"
    assert not fleet.engines["box2"].containers


def test_after_a_stop_nothing_more_begins() -> None:
    fleet = Fleet.of("box1")
    stop = threading.Event()
    stop.set()

    results = fleet.apply(wanted("a", "b"), services(a="", b=""), stop=stop)

    assert set(outcome(results).values()) == {"interrupted before it began; apply again"}
    assert not fleet.box.containers


def test_ctrl_c_undoes_what_is_in_hand_and_begins_nothing_more() -> None:
    fleet = Fleet.of("box1")
    fleet.apply("db", service("db"))
    main_thread = threading.main_thread().ident
    assert main_thread is not None

    def press_ctrl_c(container: FakeContainer) -> None:
        if container.config["Image"] == "web:1":
            signal.pthread_kill(main_thread, signal.SIGINT)

    fleet.box.on_start = press_ctrl_c
    newer = realms(
        definition("db", base={"image": "web:1"}),
        definition("app", base={"image": "web:1", "depends_on": depends_on("db")}),
    )
    results = fleet.apply(wanted("db", "app"), newer, patience=SLOW)

    assert outcome(results) == {
        "db": "interrupted; apply again to go on",
        "app": "not started, since db could not be",
    }
    assert [found.config["Image"] for found in fleet.box.containers.values()] == ["db:1"]
    assert fleet.box.named(container_name("default", "db")).state == "running"


def test_many_instances_that_wait_for_each_other_come_to_an_end() -> None:
    fleet = Fleet.of("box1")
    chain = {f"s{number:03}": f"s{number - 1:03}" if number else "" for number in range(150)}

    results = fleet.apply(wanted(*chain), services(**chain))

    assert all(result.is_done for result in results)


def test_what_failed_is_told_with_its_reason() -> None:
    fleet = Fleet.of("box1")
    fleet.box.fail("create", refusal("out of disk"))

    fleet.apply("llm", service())

    assert fleet.told[-1] == "failed: out of disk"


def _definitions(*known: Mapping[str, Realm]) -> list[Any]:
    return [entry for settings in known for realm in settings.values() for entry in realm.definitions.values()]
