"""Logs are served from the files that are kept."""

import pytest

from ozwald.model.log import LogMessage, LogSource
from ozwald.state.launch_logs import LaunchLogs
from ozwald.state.service_logs import ServiceLogs
from tests.api.calling import Api
from tests.builders import key

CHAT = key("chat")


@pytest.fixture
def kept(api: Api) -> Api:
    logs = ServiceLogs(api.home)
    for number, variety in enumerate(("nvidia", "cpu-only")):
        source = LogSource(container_id=f"c{number}", host="box1", service="llm", variety=variety, profile="fast")
        at_ns = 1_700_000_000_000_000_001 + number
        logs.append(CHAT, [LogMessage(at_ns, "stderr", b"on " + variety.encode() + b"\xff\n", source)])
    LaunchLogs(api.home).append(CHAT, "box1: pulled", at=0.0)
    LaunchLogs(api.home).append(CHAT, "box1: done", at=1.0)
    return api


def test_a_services_log_is_told_line_by_line(kept: Api) -> None:
    status, _, document = kept.call("GET", "/srv/services/logs/chat/")

    assert (status, document["realm"], document["name"]) == (200, "default", "chat")
    assert document["lines"][0] == {
        "time": "2023-11-14T22:13:20.000000001Z",
        "host": "box1",
        "stream": "stderr",
        "text": "on nvidia\\xff",
        "partial": False,
    }


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("top=1", ["on nvidia\\xff"]),
        ("last=1", ["on cpu-only\\xff"]),
        ("realm=default&variety=nvidia", ["on nvidia\\xff"]),
        ("profile=slow", []),
    ],
)
def test_lines_are_chosen(kept: Api, query: str, expected: list[str]) -> None:
    lines = kept.call("GET", f"/srv/services/logs/chat/?{query}")[2]["lines"]

    assert [line["text"] for line in lines] == expected


def test_a_launch_log_is_told_line_by_line(kept: Api) -> None:
    lines = kept.call("GET", "/srv/services/launch-logs/default:chat/?last=1")[2]["lines"]

    assert lines == ["1970-01-01T00:00:01.000Z box1: done"]


@pytest.mark.parametrize("kind", ["logs", "launch-logs"])
def test_what_is_not_kept_is_not_found(kept: Api, kind: str) -> None:
    assert kept.call("GET", f"/srv/services/{kind}/other/")[0] == 404


@pytest.mark.parametrize("kind", ["logs", "launch-logs"])
@pytest.mark.parametrize(
    "asked", ["..%2f..", "..", "chat/?realm=..", "chat/?realm=no", "chat/?top=0", "chat/?top=1&last=1", "chat/?x=1"]
)
def test_what_makes_no_sense_is_refused(kept: Api, kind: str, asked: str) -> None:
    assert kept.call("GET", f"/srv/services/{kind}/{asked}")[0] == 400
