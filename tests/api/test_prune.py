"""The routes of prune: what is taken is worked on and told of, and what cannot be meant is refused with its place."""

from typing import Any

import pytest

from ozwald.model.history import Author
from tests.api.calling import Api

PATH = "/srv/prune/"


def test_what_is_found_can_be_removed_and_what_became_of_it_is_told(api: Api) -> None:
    status, _, taken = api.call("POST", PATH, {"dry_run": True, "volumes": True})
    assert (status, taken["status"]) == (202, "accepted")

    planned = api.call("GET", f"{PATH}{taken['prune_id']}/")[2]
    carried_out = api.call("POST", PATH, {"plan": taken["prune_id"], "wait_s": 0})[2]["prune_id"]
    done = api.call("GET", f"{PATH}{carried_out}")[2]

    assert (planned["status"], planned["hosts"], planned["unreachable"]) == (
        "ended",
        ["box1", "box2"],
        {"box2": "no route"},
    )
    assert [(one["name"], one["outcome"]) for one in planned["removals"]] == [("v", None)]
    assert (done["volumes"], done["dry_run"]) == (True, False)
    assert [(one["outcome"], one["error"]) for one in done["removals"]] == [("failed", "it is used")]


def test_a_pattern_chooses_hosts(api: Api) -> None:
    prune_id = api.call("POST", PATH, {"host": "box*:!box2"})[2]["prune_id"]

    assert api.prunes.find(prune_id).hosts == ("box1",)


def test_who_asks_is_an_event(api: Api) -> None:
    prune_id = api.call("POST", PATH, {}, headers={"X-Ozwald-Author": "ann", "X-Ozwald-Command": "nightly"})[2]

    [event] = api.call("GET", "/srv/events/")[2]
    assert (event["author"], event["text"]) == ("ann: nightly", f"prune {prune_id['prune_id']}: box1, box2")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ([], 422, "must be a map"),
        ({"hosts": "box1"}, 422, "'hosts' is not known"),
        ({"volumes": 1}, 422, "body.volumes must be true or false"),
        ({"wait_s": -1}, 422, "body.wait_s"),
        ({"host": "box9"}, 400, "box9"),
        ({"plan": "gone"}, 404, "no prune 'gone'"),
        ({"plan": "gone", "volumes": True}, 422, "leave out host, volumes and dry_run"),
    ],
)
def test_what_cannot_be_meant_is_refused(api: Api, body: Any, status: int, words: str) -> None:
    found, _, answer = api.call("POST", PATH, body)

    assert (found, words in answer["detail"]) == (status, True), answer


def test_only_a_dry_run_can_be_carried_out(api: Api) -> None:
    author = Author(owner="ann", command="test")
    taken = api.prunes.submit(["box1"], with_written=False, dry_run=False, wait_s=0.0, author=author)

    status, _, answer = api.call("POST", PATH, {"plan": taken.prune_id})

    assert (status, "no dry run" in answer["detail"]) == (400, True)
