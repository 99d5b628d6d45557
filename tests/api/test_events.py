"""Events are chosen, and waited for without keeping others waiting."""

import threading
import time
from pathlib import Path

import pytest

from ozwald.api.server import THREADS
from ozwald.client import Client
from ozwald.model.event import EventKind
from tests.api.calling import KEY, Api
from tests.api.serving import served
from tests.builders import key
from tests.waiting import eventually


def test_events_are_told_as_json(api: Api) -> None:
    api.journal.note(EventKind.SERVICE_STATUS, host="box1", key=key("chat"), service="llm", text="failed: no image")

    assert api.call("GET", "/srv/events/?host=box1&service=chat&since=1970-01-01T00:10:00Z")[2] == [
        {
            "id": 1_000_000_000,
            "time": "1970-01-01T00:16:40+00:00",
            "kind": "service-status",
            "host": "box1",
            "realm": "default",
            "name": "chat",
            "service": "llm",
            "generation": None,
            "author": None,
            "text": "failed: no image",
        }
    ]
    assert api.call("GET", "/srv/events/?host=box2")[2] == []


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=1001", "limit=-1", "after=x", "after=%C2%B2", "wait=21", "since=yesterday", "hosts=a"]
)
def test_a_query_that_makes_no_sense_is_refused(api: Api, query: str) -> None:
    assert api.call("GET", f"/srv/events/?{query}")[0] == 400


def test_an_update_is_an_event_with_its_author(api: Api) -> None:
    api.call("POST", "/srv/services/active/update/", [{"name": "chat", "service": "llm"}])

    [event] = api.call("GET", "/srv/events/")[2]
    assert (event["kind"], event["generation"], event["text"]) == ("request-accepted", 1, "added chat")
    assert event["author"] == "api: POST /srv/services/active/update/"


def test_what_follows_nothing_that_is_known_is_answered_at_once(api: Api) -> None:
    began = time.monotonic()

    assert api.call("GET", "/srv/events/?after=999999999999999999")[2] == []
    assert time.monotonic() - began < 5


def test_many_who_wait_keep_nobody_else_waiting(tmp_path: Path) -> None:
    with served(tmp_path) as there:
        journal = there.api.journal
        journal.note(EventKind.CONTROLLER_STARTED)
        client = Client(f"http://localhost:{there.port}", key=KEY)
        told: list[str] = []

        def follow() -> None:
            told.extend(one["text"] for one in client.events(after=1_000_000_000, wait_s=20))

        waiting = [threading.Thread(target=follow, daemon=True) for _ in range(2 * THREADS)]
        for one in waiting:
            one.start()
        assert eventually(lambda: there.api.site.waiting.taken == len(waiting))
        began = time.monotonic()
        assert client.health()["status"] == "healthy"
        assert time.monotonic() - began < 5
        journal.note(EventKind.CONTROLLER_STOPPED, text="over")
        for one in waiting:
            one.join(10)

        assert told == ["over"] * len(waiting)
        assert there.api.site.waiting.taken == 0


def test_who_finds_no_place_to_wait_is_answered_at_once(api: Api) -> None:
    api.journal.note(EventKind.CONTROLLER_STARTED)
    began = time.monotonic()
    places = [api.site.waiting.place() for _ in range(64)]
    for place in places:
        place.__enter__()

    assert api.call("GET", "/srv/events/?after=1000000000")[2] == []
    assert time.monotonic() - began < 5
