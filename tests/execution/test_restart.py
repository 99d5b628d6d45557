"""A restart keeps the container, waits until it is available, and is owed until it was done."""

import itertools
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import cast

import pytest

from ozwald.errors import EngineError, Failure
from ozwald.execution.health import Patience
from ozwald.execution.steps import Result
from ozwald.model.container import container_name
from ozwald.model.plan import Action, InstanceKey
from ozwald.model.realm import Realm
from ozwald.planning.restart import restart_plan
from ozwald.remote.engine import Engine
from tests.builders import definition, depends_on, key, realms, wanted
from tests.execution.fleet import IMPATIENT, NAME, Fleet, service
from tests.execution.test_faults import FAULTS, Faulty, Killed
from tests.fakes.engine import FakeContainer

DB, APP = key("db"), key("app")


def pair(db: str = "db:1") -> Mapping[str, Realm]:
    """`app` follows `db`."""
    return realms(
        definition("db", base={"image": db}),
        definition("app", base={"image": "web:1", "depends_on": depends_on("db", restart=True)}),
    )


def running(*hosts: str) -> Fleet:
    fleet = Fleet.of(*hosts or ("box1",))
    assert all(result.is_done for result in fleet.apply(wanted("db", "app"), pair()))
    for engine in fleet.engines.values():
        engine.calls.clear()
    return fleet


def restart(fleet: Fleet, *keys: InstanceKey, known: Mapping[str, Realm] | None = None) -> list[Result]:
    return fleet.carry_out(restart_plan(keys, None, known or pair(), fleet.seen()))


def changes(fleet: Fleet) -> list[tuple[str, str]]:
    """What was done to which instance, in order."""
    names = {container.id: container.name.rpartition("--")[2] for container in fleet.box.containers.values()}
    return [
        (method, names.get(on, "old"))
        for method, on in fleet.box.calls
        if method in ("stop", "start", "create", "rename")
    ]


def test_the_same_container_is_stopped_and_started() -> None:
    fleet = running()

    results = restart(fleet, APP)

    assert all(result.is_done for result in results)
    assert changes(fleet) == [("stop", "app"), ("start", "app")]
    assert fleet.told[-2:] == ["available", "done"]


def test_what_follows_it_is_restarted_after_it() -> None:
    fleet = running()

    restart(fleet, DB)

    assert changes(fleet) == [("stop", "db"), ("start", "db"), ("stop", "app"), ("start", "app")]


def test_a_replaced_dependency_takes_what_follows_it_along() -> None:
    fleet = running()
    app = fleet.box.named(container_name("default", "app"))

    results = fleet.apply(wanted("db", "app"), pair("web:2"))

    assert [result.operation.action for result in results] == [Action.REPLACE, Action.RESTART]
    assert all(result.is_done for result in results)
    assert fleet.box.named(container_name("default", "app")) is app
    assert changes(fleet)[-2:] == [("stop", "app"), ("start", "app")]


def test_what_follows_one_that_failed_runs_on() -> None:
    fleet = running()
    fleet.box.fail("start", EngineError("box1", "no", failure=Failure.TERMINAL))

    db, app = restart(fleet, DB)

    assert db.error.startswith("cannot start: no; see: ozwald get_service_launch_logs db")
    assert app.error == "not restarted, since db could not be"
    assert fleet.box.named(container_name("default", "app")).state == "running"


def test_a_failure_is_explained_like_that_of_a_launch() -> None:
    fleet = Fleet.of("box1")
    known = service(restart="no")
    fleet.apply("llm", known)

    def crash(container: FakeContainer) -> None:
        container.state, container.exit_code, container.log = "exited", 7, b"the model is missing\n"

    fleet.box.on_start = crash
    [result] = restart(fleet, key(), known=known)

    assert "exit code 7" in result.error
    assert "the model is missing" in "".join(step.detail for step in fleet.steps)


def test_a_failure_of_what_the_settings_do_not_know_any_more_is_explained_as_well() -> None:
    fleet = running()
    fleet.box.fail("start", EngineError("box1", "no", failure=Failure.TERMINAL))

    [result] = restart(fleet, APP, known=realms(definition("other")))

    assert result.error.startswith("cannot start: no; see: ozwald get_service_launch_logs app")


@pytest.mark.parametrize("kind", FAULTS)
def test_whatever_call_of_a_restart_fails_the_next_apply_has_the_same_containers_running(kind: str) -> None:
    fault, after = FAULTS[kind]
    for number in itertools.count():
        fleet = running()
        before = [(container.id, container.name) for container in fleet.box.containers.values()]
        faulty = Faulty(fleet.box, fault, after, lambda call, number=number: call == number)  # type: ignore[misc]
        plan = restart_plan([DB], None, pair(), fleet.seen())
        with suppress(Killed):
            fleet.carry_out(plan, through={"box1": cast(Engine, faulty)})
        if faulty.calls <= number:
            break

        results = fleet.apply(wanted("db", "app"), pair())

        assert [result.error for result in results if not result.is_done] == [], f"call {number}"
        assert [(one.id, one.name) for one in fleet.box.containers.values()] == before, f"call {number}"
        assert {one.state for one in fleet.box.containers.values()} == {"running"}, f"call {number}"
    assert number > 4


def test_one_that_has_stopped_is_started() -> None:
    fleet = running()
    fleet.box.exit(container_name("default", "app"))

    [result] = restart(fleet, APP)

    assert result.is_done
    assert fleet.box.named(container_name("default", "app")).state == "running"


@pytest.mark.parametrize(
    ("key_name", "sentence"),
    [("start_stall_s", "nothing moved for 0 s"), ("start_timeout_s", "not available after 0 s")],
)
def test_a_service_says_itself_how_long_its_start_may_take(key_name: str, sentence: str) -> None:
    fleet = Fleet.of("box1")
    slow = realms(definition("llm", base={"image": "llm:1", key_name: 1e-9}))
    patience = replace(IMPATIENT, settle_s=60.0, activity_s=0.0)

    [result] = fleet.apply("llm", slow, patience=patience)

    assert sentence in result.error
    assert fleet.box.named(NAME)


def test_the_common_patience_counts_where_a_service_says_nothing() -> None:
    fleet = Fleet.of("box1")

    [result] = fleet.apply("llm", service(), patience=Patience(settle_s=60.0, poll_s=0.0, timeout_s=0.001))

    assert "not available after 0 s" in result.error
