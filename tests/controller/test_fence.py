"""A controller that may not change anything cannot, even in the middle of an operation."""

import pytest

from ozwald.controller.fence import CHANGES, fenced
from ozwald.controller.leadership import ALONE, Leadership
from ozwald.errors import EngineError, Failure
from ozwald.remote.engine import Engine
from tests.fakes.engine import FakeEngine

READS = {
    *("host_name", "ping", "facts", "list_containers", "state", "details", "registry_digest", "activity", "image"),
    *("networks", "volumes", "volume_sizes", "logs", "follow_logs", "events"),
}


def test_every_call_of_an_engine_is_known_as_reading_or_changing() -> None:
    calls = {name for name in vars(Engine) if not name.startswith("_")}

    assert calls - READS == CHANGES


def test_a_stand_by_reads_and_does_not_change() -> None:
    engine = FakeEngine("box1", images=["db:1"])
    doubtful = fenced(engine, Leadership())

    assert doubtful.list_containers() == ()
    with pytest.raises(EngineError) as caught:
        doubtful.create("ozsvc--default--db", {"Image": "db:1"})
    assert caught.value.failure is Failure.TERMINAL
    assert caught.value.host == "box1"
    assert not engine.containers


def test_the_active_one_changes() -> None:
    engine = FakeEngine("box1", images=["db:1"])

    assert fenced(engine, ALONE).create("ozsvc--default--db", {"Image": "db:1"})
