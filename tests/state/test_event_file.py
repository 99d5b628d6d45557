"""Events on disk outlive the controller, whatever becomes of it."""

from pathlib import Path

import pytest

from ozwald.model.event import Event, EventKind
from ozwald.state.event_file import EventFile
from ozwald.state.home import DataFolder
from tests.builders import key


def event(number: int, text: str = "") -> Event:
    return Event(
        id=number,
        at=1_700_000_000.0 + number,
        kind=EventKind.SERVICE_STATUS,
        text=text,
        host="box1",
        key=key("chat"),
        service="llm",
        generation=3,
        author="ann: apply",
    )


@pytest.fixture
def file(tmp_path: Path) -> EventFile:
    return EventFile(DataFolder(tmp_path), "local", max_bytes=2000)


def test_what_is_written_is_read_again(file: EventFile) -> None:
    written = [event(1, "a\nb"), Event(id=2, at=0.0, kind=EventKind.CONTROLLER_STARTED)]
    for one in written:
        file.append(one)

    assert file.read() == written


def test_nothing_was_written_yet(file: EventFile) -> None:
    assert file.read() == []


def test_the_files_stay_small_and_the_newest_events_stay(file: EventFile) -> None:
    for number in range(200):
        file.append(event(number))

    numbers = [one.id for one in file.read()]
    assert numbers == list(range(numbers[0], 200))
    assert len(numbers) > 8
    assert file.path.stat().st_size + file.older.stat().st_size <= 4000


def test_a_line_that_was_torn_hurts_no_other(file: EventFile) -> None:
    file.append(event(1))
    with file.path.open("ab") as torn:
        torn.write(b'{"id": 2, "time": "20')

    file.append(event(3))

    assert [one.id for one in file.read()] == [1, 3]


@pytest.mark.parametrize("line", [b"{}", b"[]", b"\xff", b'{"id": 1e999}', b"null", b""])
def test_what_is_no_event_is_left_out(file: EventFile, line: bytes) -> None:
    file.append(event(1))
    with file.path.open("ab") as damaged:
        damaged.write(line + b"\n")

    assert [one.id for one in file.read()] == [1]
