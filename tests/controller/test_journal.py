"""The journal keeps what happened, and wakes who waits for more."""

import threading
from pathlib import Path

from ozwald.controller.journal import Journal
from ozwald.model.event import EventKind
from ozwald.planning.events import EventQuery
from ozwald.state.event_file import EventFile
from ozwald.state.home import DataFolder
from tests.builders import key


def texts(journal: Journal, **query: object) -> list[str]:
    return [event.text for event in journal.choose(EventQuery(**query))]  # type: ignore[arg-type]


def filled() -> Journal:
    journal = Journal(wall=iter(range(1000, 2000)).__next__)
    journal.note(EventKind.HOST_UNREACHABLE, host="box1", text="no route")
    journal.note(EventKind.SERVICE_STATUS, host="box2", key=key("chat"), service="llm", text="starting")
    journal.note(EventKind.SERVICE_STATUS, host="box1", key=key("other"), service="llm", text="failed")
    return journal


def test_events_are_chosen_by_host_service_and_time() -> None:
    journal = filled()

    assert texts(journal, host="box1") == ["no route", "failed"]
    assert texts(journal, service="chat") == texts(journal, service="default:chat") == ["starting"]
    assert texts(journal, service="llm") == ["starting", "failed"]
    assert texts(journal, since=1001.0) == ["starting", "failed"]
    assert texts(journal, limit=1) == ["failed"]
    assert texts(journal, after=1000_000_000, limit=1) == ["starting"]


def test_ids_grow_also_when_the_clock_stands_still_or_goes_back(tmp_path: Path) -> None:
    file = EventFile(DataFolder(tmp_path), "local")
    journal = Journal(file, wall=lambda: 1000.0)
    journal.note(EventKind.CONTROLLER_STARTED)
    journal.note(EventKind.CONTROLLER_STOPPED)

    again = Journal(file, wall=lambda: 5.0)
    again.note(EventKind.CONTROLLER_STARTED)

    assert [event.id for event in again.choose(EventQuery())] == [1000_000_000, 1000_000_001, 1000_000_002]


def test_who_waits_is_woken_by_what_fits_and_by_nothing_else() -> None:
    journal = filled()
    newest = journal.choose(EventQuery())[-1].id
    found: list[str] = []
    query = EventQuery(after=newest, host="box2")
    waiting = threading.Thread(
        target=lambda: found.extend(event.text for event in journal.wait_for(query, wait_s=20)), daemon=True
    )
    waiting.start()
    journal.note(EventKind.HOST_UNREACHABLE, host="box1", text="not this")
    journal.note(EventKind.HOST_UNREACHABLE, host="box2", text="this")
    waiting.join(5)

    assert found == ["this"]


def test_nobody_waits_for_a_journal_that_is_closed() -> None:
    journal = filled()
    journal.close()

    assert journal.wait_for(EventQuery(host="nobody"), wait_s=20) == []


def test_a_disk_that_is_full_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way")
    journal = Journal(EventFile(DataFolder(tmp_path), "local"))

    journal.note(EventKind.CONTROLLER_STARTED, text="told")

    assert texts(journal) == ["told"]
