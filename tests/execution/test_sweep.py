"""What was planned is removed once, and only as long as it is what was planned."""

from collections.abc import Callable

import pytest

from ozwald.errors import ConnectionFailed, EngineError, Failure
from ozwald.execution.sweep import survey, sweep
from ozwald.model.belongings import Belonging, Removal
from ozwald.model.container import LABEL_CONTROLLER
from ozwald.model.data import LABEL_DATA, data_volume, filler_name, lock_name
from ozwald.planning.belongings import prunable
from tests.builders import CONTROLLER, OTHER_CONTROLLER
from tests.fakes.engine import FakeEngine

VOLUME = data_volume("default", "0123456789abcdef" * 4)
OURS = {LABEL_CONTROLLER: CONTROLLER, LABEL_DATA: "0123456789abcdef" * 4}
NETWORK = "oznet--default--default"


@pytest.fixture
def engine() -> FakeEngine:
    """A host with a data volume, what a killed sending left of another, and a network; 1000 s old, all of it."""
    engine = FakeEngine("box1", images=["llm:1"])
    other = VOLUME.replace("0123", "4567")
    engine.create(lock_name(other), {"Image": "llm:1", "Labels": OURS})
    engine.ensure_volume(other, OURS)
    mounts = [{"Type": "volume", "Source": other, "Target": "/ozwald-data"}]
    engine.create(filler_name(other), {"Image": "llm:1", "Labels": OURS, "HostConfig": {"Mounts": mounts}})
    engine.ensure_volume(VOLUME, OURS)
    engine.ensure_network(NETWORK, OURS)
    return engine


def planned(engine: FakeEngine) -> tuple[Belonging, ...]:
    return prunable(survey(engine), controller=CONTROLLER, now=1000.0)


def swept(engine: FakeEngine, plan: tuple[Belonging, ...] | None = None) -> tuple[Removal, ...]:
    return sweep(engine, plan or planned(engine), controller=CONTROLLER, now=lambda: 1000.0)


def test_everything_that_was_planned_goes(engine: FakeEngine) -> None:
    assert [one.error for one in swept(engine)] == [""] * 5
    assert (engine.containers, engine.stored) == ({}, {})
    assert NETWORK not in engine.network_labels


def use(engine: FakeEngine) -> None:
    mounts = [{"Type": "volume", "Source": VOLUME, "Target": "/x"}]
    engine.create("theirs", {"Image": "llm:1", "HostConfig": {"Mounts": mounts, "NetworkMode": NETWORK}})


def make_anew(engine: FakeEngine) -> None:
    engine.remove_volume(VOLUME)
    engine.remove_network(f"id of {NETWORK}")
    engine.ensure_volume(VOLUME, OURS | {LABEL_CONTROLLER: OTHER_CONTROLLER})
    engine.ensure_network(NETWORK, {})


@pytest.mark.parametrize("happens", [use, make_anew])
def test_what_moved_between_the_plan_and_the_act_stays(
    engine: FakeEngine, happens: Callable[[FakeEngine], None]
) -> None:
    plan = planned(engine)
    happens(engine)

    failed = {one.belonging.name: one.error for one in swept(engine, plan) if one.error}

    assert failed == dict.fromkeys([VOLUME, NETWORK], "it is used or is another one now; look again")
    assert VOLUME in engine.stored
    assert NETWORK in engine.network_labels


def test_a_volume_of_the_same_name_that_was_made_later_stays(engine: FakeEngine) -> None:
    plan = planned(engine)
    engine.stored[VOLUME].created_at = 5.0

    assert [one.belonging.name for one in swept(engine, plan) if one.error] == [VOLUME]


def test_a_lock_outlives_a_volume_that_cannot_be_removed(engine: FakeEngine) -> None:
    engine.fail("remove_volume", EngineError("box1", "busy", failure=Failure.TERMINAL), times=2)

    errors = {one.belonging.name: one.error for one in swept(engine) if one.error}

    locked = VOLUME.replace("0123", "4567")
    assert (errors[locked], errors[lock_name(locked)]) == ("busy", "it is used or is another one now; look again")
    assert engine.named(lock_name(locked))


def test_a_lost_host_loses_the_rest_and_keeps_what_is_known(engine: FakeEngine) -> None:
    engine.fail("remove_volume", ConnectionFailed("box1", "gone", failure=Failure.UNKNOWN))

    assert [one.error for one in swept(engine)] == ["", "gone", "gone", "gone", "gone"]


def test_an_engine_that_cannot_measure_is_looked_at_all_the_same(engine: FakeEngine) -> None:
    engine.fail("volume_sizes", EngineError("box1", "slow", failure=Failure.RETRYABLE))

    assert survey(engine, measured=True).sizes == {}
