"""The routes, called as a server calls them."""

from dataclasses import replace
from typing import Any

import pytest

from ozwald.model.active import Status
from ozwald.model.resources import HostResources
from ozwald.state.wanted import read_wanted, wanted_path
from tests.api.calling import CHAT, KEY, Api


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", ["/health", "/srv/services/configured", "/srv/services/active", "/srv/host/resources"])
def test_every_listing_answers_with_and_without_a_slash(api: Api, path: str, slash: str) -> None:
    status, headers, _ = api.call("GET", path + slash)

    assert status == 200
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("token", [None, "", "wrong", KEY + "x", KEY[:-1], "ü" * 20])
def test_only_health_is_open(api: Api, token: str | None) -> None:
    assert api.call("GET", "/health", token=token)[0] == 200
    status, _, refusal = api.call("GET", "/srv/services/active/", token=token)
    assert (status, "the key is missing or another one's" in str(refusal)) == (401, True)
    assert api.call("POST", "/srv/services/active/update/", [], token=token)[0] == 401
    assert read_wanted(wanted_path(api.home, "local")) is None


@pytest.mark.parametrize("name", ["evil.example", "localhost.evil.example:8000", "", "127.0.0.1.nip.io"])
def test_a_name_that_is_not_this_servers_is_refused(api: Api, name: str) -> None:
    assert api.call("GET", "/health", name=name)[0] == 421


class TestHealth:
    def test_it_is_healthy_when_the_loop_passes_and_redis_answers(self, api: Api) -> None:
        assert api.call("GET", "/health")[::2] == (200, {"status": "healthy"})

    def test_redis_that_does_not_answer_is_named(self, api: Api) -> None:
        api.redis = "Redis does not work: refused"

        status, _, document = api.call("GET", "/health")

        assert (status, document["detail"]) == (503, "Redis does not work: refused")

    def test_a_loop_that_hangs_is_named(self, api: Api) -> None:
        api.board.publish(replace(api.view, at=api.view.at - 1000))

        status, _, document = api.call("GET", "/health")

        assert status == 503
        assert "the loop's last pass was 1000 s ago" in document["detail"]


class TestActive:
    def test_it_lists_the_services_as_they_are(self, api: Api) -> None:
        _, headers, document = api.call("GET", "/srv/services/active/")

        assert [(one["name"], one["status"], one["host"]) for one in document] == [("chat", "available", "box1")]
        assert headers["x-ozwald-generation"] == "3"

    def test_what_has_not_changed_is_not_sent_again(self, api: Api) -> None:
        tag = api.call("GET", "/srv/services/active/")[1]["etag"]

        assert api.call("GET", "/srv/services/active/", headers={"If-None-Match": tag})[0] == 304
        api.board.publish(replace(api.view, number=2, services=()))
        assert api.call("GET", "/srv/services/active/", headers={"If-None-Match": tag})[::2] == (200, [])

    def test_one_service_is_found_by_its_name(self, api: Api) -> None:
        assert api.call("GET", "/srv/services/active/chat/")[2]["service"] == "llm"
        assert api.call("GET", "/srv/services/active/default:chat")[2]["service"] == "llm"
        assert api.call("GET", "/srv/services/active/gone")[0] == 404


class TestResources:
    def test_a_host_that_was_not_reached_says_why(self, api: Api) -> None:
        api.board.publish(replace(api.view, resources={"box1": HostResources(host="box1", observed_at=0.0)}))

        _, _, document = api.call("GET", "/srv/host/resources")

        assert [one["host"] for one in document] == ["box1", "box2"]
        assert document[1]["detail"] == "no route"

    def test_a_pattern_chooses_hosts_and_a_wrong_one_is_refused(self, api: Api) -> None:
        assert [one["host"] for one in api.call("GET", "/srv/host/resources?host=box2")[2]] == ["box2"]
        assert api.call("GET", "/srv/host/resources?host=nobody")[0] == 400


class TestRestart:
    @pytest.fixture(autouse=True)
    def chat_runs(self, api: Api) -> None:
        api.call("POST", "/srv/services/update", [{"name": "chat", "service": "llm"}, {"name": "llm"}])

    def test_what_was_accepted_is_owed_on_disk(self, api: Api) -> None:
        assert api.call("POST", "/srv/services/restart/", ["chat"])[::2] == (
            202,
            {"status": "accepted", "generation": 2},
        )
        stored = read_wanted(wanted_path(api.home, "local"))
        assert stored is not None
        assert [(one.key.name, one.host, one.container_id) for one in stored.restarts] == [("chat", "box1", "c" * 64)]
        assert [one["text"] for one in api.call("GET", "/srv/events/")[2]][-1] == "restart chat"

    @pytest.mark.parametrize(
        ("body", "status", "words"),
        [
            (["chatt"], 400, "did you mean 'chat'?"),
            (["llm"], 400, "llm has no container to restart"),
            (["other:chat"], 400, "no realm 'other'"),
            ([], 422, "at least one name"),
            ("chat", 422, "a list of names"),
            ([{"name": "chat"}], 422, "a list of names"),
        ],
    )
    def test_what_makes_no_sense_is_refused(self, api: Api, body: object, status: int, words: str) -> None:
        got, _, document = api.call("POST", "/srv/services/restart", body)

        assert (got, words in document["detail"]) == (status, True), document

    def test_what_does_not_answer_is_not_restarted(self, api: Api) -> None:
        lost = replace(CHAT, status=Status.UNREACHABLE)
        api.board.publish(replace(api.view, number=3, services=(lost,)))

        assert "box1, which does not answer" in api.call("POST", "/srv/services/restart", ["chat"])[2]["detail"]

    def test_a_generation_that_moved_is_a_conflict(self, api: Api) -> None:
        assert api.call("POST", "/srv/services/restart", ["chat"], headers={"If-Match": "0"})[0] == 409


class TestUpdate:
    def test_what_was_accepted_is_on_disk(self, api: Api) -> None:
        status, _, document = api.call("POST", "/srv/services/active/update/", [{"name": "chat", "service": "llm"}])

        stored = read_wanted(wanted_path(api.home, "local"))
        assert (status, document) == (202, {"status": "accepted", "generation": 1})
        assert stored is not None
        assert [one.key.name for one in stored.instances] == ["chat"]
        assert api.woken == 1

    def test_asking_for_the_same_again_makes_no_new_generation(self, api: Api) -> None:
        answers = [api.call("POST", "/srv/services/update", [{"name": "llm"}])[2]["generation"] for _ in range(3)]

        assert answers == [1, 1, 1]

    def test_a_generation_that_moved_is_a_conflict(self, api: Api) -> None:
        api.call("POST", "/srv/services/update", [{"name": "llm"}])

        assert api.call("POST", "/srv/services/update", [], headers={"If-Match": "0"})[0] == 409
        assert api.call("POST", "/srv/services/update", [], headers={"If-Match": '"1"'})[0] == 202

    @pytest.mark.parametrize(
        ("body", "status", "words"),
        [
            (b"nonsense", 400, "not JSON"),
            ({}, 422, "must be a list"),
            ([1], 422, "body[0] must be a map"),
            ([{"service": "llm"}], 422, "body[0].name is missing"),
            ([{"name": "a", "sevice": "llm"}], 422, "'sevice' is not known"),
            ([{"name": "a", "service": 1}], 422, "body[0].service must be text"),
            ([{"name": "a", "service": "lm"}], 400, "llm"),
            ([{"name": "llm", "profile": "fats"}], 400, "fast"),
            ([{"name": "llm"}, {"name": "llm"}], 400, "twice"),
            ([{"name": "llm", "host": "nobody"}], 400, "nobody"),
            ([{"name": "llm", "replicas": 2}], 422, "body[0].replicas can only be 1"),
            ([{"name": "llm", "replicas": True}], 422, "body[0].replicas can only be 1"),
            ([{"name": "llm", "properties": {"a": 1}}], 422, "body[0].properties must be empty"),
            (b'[{"name": "llm", "host": "\\ud800"}]', 400, "not Unicode"),
            (b'[{"name": "llm", "replicas": 1e999}]', 400, "too large"),
            ([{"name": "../x", "service": "llm"}], 400, "name"),
            ([{"name": "a", "service": "llm"}] * 10_001, 422, "more than 10000"),
        ],
        ids=lambda value: str(value)[:30],
    )
    def test_what_is_wrong_is_refused_by_its_place_and_nothing_is_written(
        self, api: Api, body: Any, status: int, words: str
    ) -> None:
        answer, _, document = api.call("POST", "/srv/services/active/update/", body)

        assert answer == status
        assert words in document["detail"]
        assert read_wanted(wanted_path(api.home, "local")) is None
        assert api.woken == 0

    def test_a_set_that_cannot_be_written_is_not_accepted(self, api: Api) -> None:
        api.home.path.parent.mkdir(exist_ok=True)
        api.home.path.write_text("not a folder")

        status, _, document = api.call("POST", "/srv/services/update", [{"name": "llm"}])

        assert status == 503
        assert str(api.home.path) in document["detail"]


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("DELETE", "/health", 405)])
def test_what_is_not_there_is_answered_in_json(api: Api, method: str, path: str, status: int) -> None:
    answer, headers, document = api.call(method, path)

    assert answer == status
    assert headers["content-type"].startswith("application/json")
    assert document["detail"]


@pytest.mark.parametrize("path", ["/nothing", "/openapi.json", "/health/x", "//health/../srv"])
def test_who_has_no_key_does_not_learn_which_paths_there_are(api: Api, path: str) -> None:
    assert api.call("GET", path, token=None)[0] == 401


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("hosts=box1", "did you mean 'host'"),
        ("host=box1&host=box2", "'host' is there twice"),
        ("refresh=yes", "must be 1 or 0"),
        ("host=%FF", "cannot be read"),
        ("&".join("host=a" for _ in range(30)), "cannot be read"),
        ("host", "cannot be read"),
    ],
    ids=lambda value: value[:20],
)
def test_a_query_that_is_not_known_is_refused_by_name(api: Api, query: str, words: str) -> None:
    status, _, document = api.call("GET", f"/srv/host/resources?{query}")

    assert status == 400
    assert words in document["detail"]


def test_a_refresh_has_the_chosen_hosts_looked_at_again(api: Api) -> None:
    assert api.call("GET", "/srv/host/resources?host=box2&refresh=1")[0] == 200

    assert api.board.take_to_probe() == {"box2"}
    assert api.board.take_to_probe() == frozenset()
    assert api.woken == 1


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "", "\xff"]
)
def test_only_json_is_read(api: Api, kind: str) -> None:
    status = api.call("POST", "/srv/services/update", [], headers={"Content-Type": kind})[0]

    assert status == (415 if kind else 202)


def test_a_mistake_of_ours_is_told_to_the_log_and_not_to_the_caller(
    api: Api, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api.board, "_view", None)

    status, headers, document = api.call("GET", "/srv/services/active/")

    assert (status, headers["content-type"]) == (500, "application/json")
    assert document == {"detail": "the request could not be answered; see the provisioner's log"}
    assert "AttributeError" in caplog.text
