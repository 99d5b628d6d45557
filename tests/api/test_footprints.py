"""The routes of footprints: what is accepted is in the queue, and what cannot be meant is refused with its place."""

from typing import Any

import pytest

from ozwald.model.footprint import RunStatus
from tests.api.calling import Api, has_measured

PATH = "/srv/services/footprint"


def test_an_accepted_request_is_durable_and_listed(api: Api) -> None:
    body = {"services": [{"service_name": "llm", "profile": "fast"}], "host": "box*", "run_time_s": 5}

    status, _, answer = api.call("POST", PATH, body, headers={"X-Ozwald-Author": "ann"})

    assert (status, answer["status"]) == (202, "accepted")
    [stored] = api.footprints.queue.requests()
    [listed] = api.call("GET", PATH)[2]
    assert (stored.request_id, stored.hosts, stored.run_time_s, stored.author) == (
        answer["request_id"],
        "box*",
        5,
        "ann",
    )
    assert listed["request_id"] == answer["request_id"]
    assert [run["profile"] for run in listed["runs"]] == ["fast"]


def test_all_services_may_be_asked_for(api: Api) -> None:
    assert api.call("POST", PATH, {"footprint_all_services": True})[0] == 202

    [run] = api.footprints.queue.requests()[0].runs
    assert str(run.combination) == "llm[cpu-only][fast]"


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ([], 422, "must be a map"),
        ({}, 422, "give services"),
        ({"services": [{"service_name": "llm"}], "footprint_all_services": True}, 422, "give services"),
        ({"services": [{}]}, 422, "service_name is missing"),
        ({"services": [{"service_name": "llm", "card": "T4"}]}, 422, "'card' is not known"),
        ({"services": [{"service_name": "lm"}]}, 400, "did you mean 'llm'"),
        ({"services": [{"service_name": "llm", "variety": "nvidia"}]}, 400, "no variety 'nvidia'"),
        ({"footprint_all_services": True, "host": "box9"}, 400, "box9"),
        ({"footprint_all_services": True, "host": ":".join(["box1"] * 300)}, 400, "use a group"),
        ({"footprint_all_services": True, "run_time_s": -1}, 422, "run_time_s"),
        ({"footprint_all_services": True, "run_time_s": True}, 422, "run_time_s"),
    ],
)
def test_what_cannot_be_meant_is_refused(api: Api, body: Any, status: int, words: str) -> None:
    found, _, answer = api.call("POST", PATH, body)

    assert (found, words in answer["detail"]) == (status, True), answer
    assert api.footprints.queue.requests() == ()


def test_without_a_book_nothing_is_accepted(api: Api) -> None:
    api.footprints.book = None

    status, _, answer = api.call("POST", PATH, {"footprint_all_services": True})

    assert status == 503
    assert "OZWALD_FOOTPRINT_DATA" in answer["detail"]


def test_a_request_can_be_cancelled(api: Api) -> None:
    request_id = api.call("POST", PATH, {"footprint_all_services": True})[2]["request_id"]

    status, _, answer = api.call("DELETE", f"{PATH}/{request_id}/")

    assert (status, answer["status"], answer["is_cancelled"]) == (200, "cancelled", True)
    assert api.footprints.queue.find(request_id).runs[0].status is RunStatus.CANCELLED


def test_a_request_that_is_not_there_is_not_found(api: Api) -> None:
    assert api.call("DELETE", f"{PATH}/ab12")[0] == 404


@pytest.mark.parametrize(("kind", "line"), [("container", "hello"), ("runner", "1970-01-01T00:00:00.000Z box1: done")])
def test_logs_are_those_of_the_run_that_was_last(api: Api, kind: str, line: str) -> None:
    has_measured(api, "llm")

    status, _, answer = api.call("GET", f"/srv/services/footprint-logs/{kind}/llm/?last=1")

    assert (status, answer["lines"], answer["variety"]) == (200, [line], None)


def test_a_log_that_is_not_there_is_not_found(api: Api) -> None:
    status, _, answer = api.call("GET", "/srv/services/footprint-logs/runner/llm/?variety=cpu-only")

    assert status == 404
    assert "llm[cpu-only]" in answer["detail"]
