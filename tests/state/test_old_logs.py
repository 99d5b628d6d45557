"""Logs of what is gone go some time later, and those of what is wanted stay."""

import os
from pathlib import Path

import pytest

from ozwald.errors import StateError
from ozwald.model.log import LogMessage, LogSource
from ozwald.state.home import DataFolder
from ozwald.state.launch_logs import LaunchLogs
from ozwald.state.old_logs import MAX_AGE_S, forget_old_logs
from ozwald.state.service_logs import ServiceLogs
from ozwald.state.wanted import wanted_path, write_wanted
from tests.builders import key, wanted

NOW = 2_000_000_000.0


@pytest.fixture
def home(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "home")
    made.folder("wanted")
    return made


def has_logs(home: DataFolder, *names: str, age_s: float) -> None:
    """Of instances of these names, written that long ago."""
    for name in names:
        LaunchLogs(home).append(key(name), "started", at=NOW)
        message = LogMessage(1, "stdout", b"x" * 900 + b"\n", LogSource(container_id="c", host="box1", service="s"))
        ServiceLogs(home, max_bytes=2000).append(key(name), [message])
        ServiceLogs(home, max_bytes=2000).append(key(name), [message])
        for path in (home.path / "logs").glob(f"*/default--{name}.*"):
            os.utime(path, (NOW - age_s, NOW - age_s))


def left(home: DataFolder) -> list[str]:
    return sorted(path.name.removeprefix("default--") for path in (home.path / "logs").rglob("*--*"))


def test_those_of_instances_that_are_gone_for_long_are_deleted(home: DataFolder) -> None:
    write_wanted(wanted_path(home, "one"), wanted("db", generation=1))
    write_wanted(wanted_path(home, "two"), wanted("app.log", generation=1))
    has_logs(home, "db", "app.log", "app", "other", age_s=MAX_AGE_S + 60)
    has_logs(home, "new", age_s=60)

    forget_old_logs(home, now=NOW)

    assert left(home) == [f"{name}.{end}" for name in ("app.log", "db", "new") for end in ("log", "log", "log.old")]


def test_of_many_that_are_gone_the_newest_stay(home: DataFolder) -> None:
    for number in range(10):
        has_logs(home, f"job{number}", age_s=1000.0 - number)

    forget_old_logs(home, now=NOW, max_bytes=5000)

    assert {name.split(".")[0] for name in left(home)} == {"job8", "job9"}


def test_nothing_is_deleted_where_it_is_not_known_what_is_wanted(home: DataFolder) -> None:
    has_logs(home, "db", age_s=MAX_AGE_S + 60)
    before = left(home)
    wanted_path(home, "one").write_text("damaged")

    with pytest.raises(StateError):
        forget_old_logs(home, now=NOW)
    assert left(home) == before


def test_without_any_nothing_happens(home: DataFolder) -> None:
    assert forget_old_logs(home, now=NOW) == []
