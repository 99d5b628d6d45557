"""Logs of services on disk: bounded, whole, and read on where they end."""

from pathlib import Path

import pytest

from ozwald.model.log import LogMessage, LogSource
from ozwald.state.home import DataFolder
from ozwald.state.service_logs import ServiceLogs
from tests.builders import key

CHAT = key("chat")
FIRST = LogSource(container_id="c1", host="box1", service="llm", variety="nvidia")
SECOND = LogSource(container_id="c2", host="box2", service="llm")


def message(at_ns: int, content: bytes, source: LogSource = FIRST) -> LogMessage:
    return LogMessage(at_ns, "stdout", content, source)


@pytest.fixture
def home(tmp_path: Path) -> DataFolder:
    return DataFolder(tmp_path)


def test_messages_come_back_as_they_were(home: DataFolder) -> None:
    written = [message(1, b"a\n"), message(1, b"\xff= \r\n"), message(2, b"part"), message(3, b"\n", SECOND)]
    logs = ServiceLogs(home)
    logs.append(CHAT, written[:3])
    logs.append(CHAT, written[3:])

    assert ServiceLogs(home).read(CHAT) == written
    assert logs.read(key("other")) is None


def test_the_position_is_each_containers_own(home: DataFolder) -> None:
    logs = ServiceLogs(home)
    logs.append(CHAT, [message(1, b"a\n"), message(2, b"b\n"), message(2, b"c\n")])
    logs.append(CHAT, [message(9, b"d\n", SECOND)])

    assert logs.position(CHAT, "c1") == (2, 2)
    assert logs.position(CHAT, "c2") == (9, 1)
    assert logs.position(CHAT, "c3") == (0, 0)


def test_the_files_stay_small_and_the_newest_messages_stay(home: DataFolder) -> None:
    logs = ServiceLogs(home, max_bytes=4000)
    for number in range(1, 1000):
        logs.append(CHAT, [message(number, b"x" * 40 + b"\n")])

    kept = [one.at_ns for one in logs.read(CHAT) or ()]
    assert kept == list(range(kept[0], 1000))
    assert len(kept) > 20
    assert sum(path.stat().st_size for path in (home.path / "logs" / "services").iterdir()) <= 4000
    assert logs.position(CHAT, "c1") == (999, 1)


def test_a_line_that_was_torn_does_not_count_and_hurts_no_other(home: DataFolder) -> None:
    ServiceLogs(home).append(CHAT, [message(1, b"a\n")])
    with (home.path / "logs" / "services" / "default--chat.log").open("ab") as torn:
        torn.write(b"2 1. hal")
    logs = ServiceLogs(home)

    assert logs.position(CHAT, "c1") == (1, 1)
    logs.append(CHAT, [message(2, b"half\n")])
    assert logs.read(CHAT) == [message(1, b"a\n"), message(2, b"half\n")]


def test_what_is_missing_is_said_and_is_no_message_of_the_containers(home: DataFolder) -> None:
    logs = ServiceLogs(home)
    logs.append(CHAT, [message(5, b"a\n")], after_gap=True)

    assert [one.content for one in logs.read(CHAT) or ()] == [b"(ozwald: lines were left out here)\n", b"a\n"]
    assert logs.position(CHAT, "c1") == (5, 1)
