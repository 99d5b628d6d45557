"""Launch logs: bounded, readable, one for each instance."""

from pathlib import Path

import pytest

from ozwald.errors import StateError
from ozwald.state.home import DataFolder
from ozwald.state.launch_logs import LaunchLogs
from ozwald.state.text_log import MAX_BYTES
from tests.builders import key


@pytest.fixture
def logs(tmp_path: Path) -> LaunchLogs:
    return LaunchLogs(DataFolder(tmp_path))


def size(tmp_path: Path) -> int:
    return sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())


def test_an_entry_has_its_moment_and_its_further_lines_indented(logs: LaunchLogs) -> None:
    logs.append(key(), "box1: its last lines were:\none\ntwo\n", at=0.25)

    assert logs.read(key()) == "1970-01-01T00:00:00.250Z box1: its last lines were:\n  one\n  two\n"


def test_entries_follow_each_other(logs: LaunchLogs) -> None:
    for word in ("one", "two"):
        logs.append(key(), word, at=0)

    assert [line.split()[1] for line in (logs.read(key()) or "").splitlines()] == ["one", "two"]


def test_an_instance_that_was_never_launched_has_none(logs: LaunchLogs) -> None:
    assert logs.read(key()) is None


def test_instances_do_not_share_a_log(logs: LaunchLogs) -> None:
    logs.append(key("llm"), "one", at=0)
    logs.append(key("llm", "lab"), "two", at=0)

    assert "two" not in (logs.read(key("llm")) or "")


def test_a_log_stays_bounded_and_keeps_the_newest(logs: LaunchLogs, tmp_path: Path) -> None:
    for number in range(300):
        logs.append(key(), f"{number} " + "x" * 4000, at=0)
        assert size(tmp_path) <= MAX_BYTES + 5000

    lines = (logs.read(key()) or "").splitlines()
    assert [int(line.split()[1]) for line in lines] == list(range(300 - len(lines), 300))
    assert len(lines) >= 30


def test_a_shortened_log_begins_with_a_whole_entry(logs: LaunchLogs) -> None:
    for _ in range(100):
        logs.append(key(), "é" * 3000, at=0)

    assert (logs.read(key()) or "").startswith("1970-01-01T")


def test_one_enormous_line_leaves_its_end(logs: LaunchLogs, tmp_path: Path) -> None:
    logs.append(key(), "é" * MAX_BYTES + " the end", at=0)

    assert (logs.read(key()) or "").endswith("the end\n")
    assert size(tmp_path) <= MAX_BYTES


def test_text_that_cannot_be_encoded_is_kept_escaped(logs: LaunchLogs) -> None:
    logs.append(key(), "lone \udc80", at=0)

    assert "lone \\udc80" in (logs.read(key()) or "")


def test_a_log_that_cannot_be_written_is_told(logs: LaunchLogs, tmp_path: Path) -> None:
    (tmp_path / "logs" / "launch" / "default--llm.log").mkdir(parents=True)

    with pytest.raises(StateError, match="cannot write"):
        logs.append(key(), "one", at=0)
