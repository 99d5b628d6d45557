"""What the engine's answers, and their absence, are turned into."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from ozwald.errors import EngineError, Failure
from ozwald.model.host import Connection, Host
from ozwald.remote import docker_engine, docker_transport
from ozwald.remote.docker_client import negotiated
from ozwald.remote.engine import Engine, NameTaken, PullProgress
from ozwald.remote.local import LocalConnection
from tests.remote.unix_http import Answer, introduction, json_answer, serving

Reach = Callable[[Answer], Engine]


@pytest.fixture
def reach(tmp_path: Path) -> Iterator[Reach]:
    with ExitStack() as stack:

        def reached(answer: Answer) -> Engine:
            path = tmp_path / "docker.sock"
            reached.seen = stack.enter_context(serving(path, answer))  # type: ignore[attr-defined]
            host = Host(name="box1", address="127.0.0.1", connection=Connection.LOCAL, docker_socket=str(path))
            connection = LocalConnection(host)
            stack.callback(connection.close)
            return connection.engine()

        yield reached


def refusing(status: str, message: str) -> Answer:
    return lambda line, body: json_answer(f'{{"message": "{message}"}}'.encode(), status)


def failed(call: Callable[[], Any]) -> EngineError:
    with pytest.raises(EngineError) as error:
        call()
    assert error.value.host == "box1"
    return error.value


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ({"ApiVersion": "1.41", "MinAPIVersion": "1.12"}, "1.41"),
        ({"ApiVersion": "1.52", "MinAPIVersion": "1.44"}, "1.44"),
        ({"ApiVersion": "1.60", "MinAPIVersion": "1.50"}, "1.50"),
        ({"ApiVersion": "1.43"}, "1.43"),
    ],
)
def test_the_api_version_is_one_that_both_sides_know(answer: dict[str, str], version: str) -> None:
    assert negotiated("box1", answer) == version


@pytest.mark.parametrize(
    ("first", "asked", "spoken"),
    [
        (introduction("1.41"), [], "1.41"),
        (introduction("1.52", takes_ours=True), [], "1.44"),
        (introduction("1.60"), ["GET /version"], "1.50"),
        (introduction("nonsense", takes_ours=True), ["GET /version"], "1.50"),
        (json_answer(b"no such page", "404 Not Found"), ["GET /version"], "1.50"),
    ],
    ids=["an older engine", "a newer one", "one that is too new", "one that makes no sense", "one that does not say"],
)
def test_only_an_engine_that_leaves_it_open_is_asked_for_more(
    tmp_path: Path, first: bytes, asked: list[str], spoken: str
) -> None:
    def answer(line: str, body: bytes) -> bytes:
        return json_answer(b'{"ApiVersion": "1.60", "MinAPIVersion": "1.50"}' if line == "GET /version" else b"[]")

    with serving(tmp_path / "docker.sock", answer, first=first) as seen:
        host = Host(name="b", address="::1", connection=Connection.LOCAL, docker_socket=str(tmp_path / "docker.sock"))
        connection = LocalConnection(host)
        connection.engine().list_containers()
        connection.close()

    assert seen[1:-1] == asked
    assert seen[-1].startswith(f"GET /v{spoken}/containers/json")


def test_an_engine_that_is_too_old_is_refused() -> None:
    error = failed(lambda: negotiated("box1", {"ApiVersion": "1.38"}))

    assert error.failure is Failure.TERMINAL
    assert "Docker 19.03 or newer" in error.message


def test_calls_follow_each_other_on_one_connection(reach: Reach) -> None:
    engine = reach(lambda line, body: json_answer(b"[]"))
    for _ in range(3):
        assert engine.list_containers() == ()

    assert [line for line in reach.seen if "containers" in line] == [  # type: ignore[attr-defined]
        "GET /v1.41/containers/json?limit=-1&all=1&size=0&trunc_cmd=0"
    ] * 3


def test_a_taken_name_is_its_own_kind_of_error(reach: Reach) -> None:
    engine = reach(refusing("409 Conflict", "Conflict. The container name /a is already in use by container 1"))

    with pytest.raises(NameTaken) as error:
        engine.create("aa", {"Image": "x"})
    assert (error.value.status, error.value.failure) == (409, Failure.TERMINAL)
    with pytest.raises(NameTaken):
        engine.rename("1", "aa")


def test_a_missing_image_says_what_to_do(reach: Reach) -> None:
    engine = reach(refusing("404 Not Found", "No such image: llm:1"))

    error = failed(lambda: engine.create("aa", {"Image": "llm:1"}))
    assert (error.status, error.failure) == (404, Failure.TERMINAL)
    assert error.message == "no such image llm:1 on box1: build or pull it there, or set pull_policy"


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        ("400 Bad Request", Failure.TERMINAL),
        ("404 Not Found", Failure.TERMINAL),
        ("500 Internal Server Error", Failure.TERMINAL),
        ("503 Service Unavailable", Failure.RETRYABLE),
    ],
)
def test_an_error_answer_is_quoted_with_its_status(reach: Reach, status: str, failure: Failure) -> None:
    error = failed(lambda: reach(refusing(status, "no can do")).start("1"))

    assert (error.status, error.failure) == (int(status[:3]), failure)
    assert error.message == f"starting a container: Docker answered {status[:3]}: no can do"


def test_terminal_control_in_an_answer_is_removed(reach: Reach) -> None:
    error = failed(lambda: reach(refusing("500 Oops", "\\u001b[2Jgone" + "x" * 5000)).start("1"))

    assert "\x1b" not in error.message
    assert len(error.message) < 400


def test_a_lost_answer_to_a_change_is_unknown(reach: Reach) -> None:
    engine = reach(lambda line, body: None)

    for change in (
        lambda: engine.create("aa", {"Image": "x"}),
        lambda: engine.start("1"),
        lambda: engine.remove("1"),
        lambda: engine.rename("1", "bb"),
        lambda: engine.ensure_network("n"),
    ):
        assert failed(change).failure is Failure.UNKNOWN


def test_a_lost_answer_to_a_question_may_be_asked_again(reach: Reach) -> None:
    engine = reach(lambda line, body: None)

    assert failed(engine.list_containers).failure is Failure.RETRYABLE
    assert failed(lambda: engine.state("1")).failure is Failure.RETRYABLE


def test_a_change_that_never_left_may_be_tried_again(reach: Reach, tmp_path: Path) -> None:
    engine = reach(lambda line, body: None)
    failed(engine.list_containers)  # which ends the connection that was kept
    (tmp_path / "docker.sock").unlink()

    error = failed(lambda: engine.start("1"))
    assert error.failure is not Failure.UNKNOWN
    assert "install docker.io, or set docker_socket" in error.message


def test_half_an_answer_is_no_answer(reach: Reach) -> None:
    head = b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n"
    engine = reach(lambda line, body: _then_hang_up(head + b'{"Id"'))

    assert failed(lambda: engine.create("aa", {"Image": "x"})).failure is Failure.UNKNOWN


@pytest.mark.parametrize("body", [b"nonsense", b"{}", b"[1, 2]", b'[{"Names": []}]', b"\xff\xfe"])
def test_an_answer_that_makes_no_sense_is_an_engine_error(reach: Reach, body: bytes) -> None:
    engine = reach(lambda line, _: json_answer(body))

    if body != b"{}":
        assert failed(engine.list_containers).failure is Failure.RETRYABLE
    assert failed(lambda: engine.create("aa", {"Image": "x"})).failure is Failure.UNKNOWN


def test_a_silent_engine_is_given_up(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_engine, "READ_S", 0.2)
    engine = reach(lambda line, body: _silence(5.0))

    started = time.monotonic()
    error = failed(engine.list_containers)
    assert time.monotonic() - started < 2
    assert (error.failure, error.message) == (Failure.RETRYABLE, "listing containers: no answer within 0.2 s")


def test_an_engine_that_trickles_is_given_up_as_well(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_engine, "READ_S", 0.5)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    engine = reach(lambda line, body: _slowly(head + b"[" + b" " * 999))

    started = time.monotonic()
    assert "no answer within" in failed(engine.list_containers).message
    assert time.monotonic() - started < 2


def test_an_answer_without_end_is_cut_off(reach: Reach, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_transport, "ANSWER_BYTES", 100_000)
    engine = reach(lambda line, body: json_answer(b"[" + b" " * 200_000 + b"]"))

    assert "larger than expected" in failed(engine.list_containers).message


def test_gone_containers_and_volumes_need_no_removal(reach: Reach) -> None:
    engine = reach(refusing("404 Not Found", "No such container: 1"))

    engine.remove("1")
    engine.remove_volume("v")
    assert engine.state("1") is None
    assert engine.image("x") is None


def test_a_removal_that_is_under_way_is_fine(reach: Reach) -> None:
    reach(refusing("409 Conflict", "removal of container 1 is already in progress")).remove("1")


def test_a_network_that_exists_is_fine(reach: Reach) -> None:
    taken = refusing("409 Conflict", "network with name n already exists")
    reach(lambda line, body: json_answer(b"[]") if line.startswith("GET") else taken(line, body)).ensure_network("n")


def test_a_pull_reports_its_progress(reach: Reach) -> None:
    messages = (
        b'{"status":"Pulling from x","id":"1"}\r\n'
        b'{"status":"Downloading","progressDetail":{"current":1,"total":2},"id":"l"}\r\n'
    )
    engine = reach(lambda line, body: _chunked(messages) if "create" in line else json_answer(b'{"Id": "sha256:1"}'))
    seen: list[PullProgress] = []

    assert engine.pull("x:1", seen.append) == "sha256:1"
    assert seen[1] == PullProgress(image="x:1", status="Downloading", layer="l", current_bytes=1, total_bytes=2)


@pytest.mark.parametrize(
    ("said", "failure"),
    [
        ("manifest for x:1 not found: manifest unknown", Failure.TERMINAL),
        ("pull access denied for x", Failure.TERMINAL),
        ("TLS handshake timeout", Failure.RETRYABLE),
    ],
)
def test_an_error_inside_a_pull_is_an_error(reach: Reach, said: str, failure: Failure) -> None:
    engine = reach(lambda line, body: _chunked(b'{"errorDetail":{},"error":"%s"}\r\n' % said.encode()))

    error = failed(lambda: engine.pull("x:1"))
    assert (error.failure, error.message) == (failure, f"pulling image x:1: {said}")


def test_a_pull_that_stalls_is_given_up(reach: Reach) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    engine = reach(lambda line, body: head)

    started = time.monotonic()
    assert failed(lambda: engine.pull("x:1", stall_s=0.3)).failure is Failure.RETRYABLE
    assert time.monotonic() - started < 2


def test_a_value_that_json_cannot_carry_is_refused_by_name(reach: Reach) -> None:
    engine = reach(lambda line, body: None)

    error = failed(lambda: engine.create("aa", {"Image": "x", "Env": ["A=\udcff"]}))
    assert error.failure is Failure.TERMINAL
    assert "not UTF-8" in error.message
    assert "\udcff" not in error.message


def test_values_outside_ascii_arrive_as_they_are(reach: Reach) -> None:
    bodies: list[bytes] = []

    def answer(line: str, body: bytes) -> bytes:
        bodies.append(body)
        return json_answer(b'{"Id": "1"}', "201 Created")

    environment = ["A=grüße 🙂 \x7f\t\n", "B="]
    reach(answer).create("aa", {"Image": "x", "Env": environment})
    assert json.loads(bodies[0])["Env"] == environment


def _then_hang_up(content: bytes) -> Iterator[bytes]:
    yield content
    raise ConnectionAbortedError


def _silence(seconds: float) -> Iterator[bytes]:
    time.sleep(seconds)
    yield b""


def _slowly(content: bytes) -> Iterator[bytes]:
    """Each read succeeds, the whole never does."""
    for start in range(len(content)):
        yield content[start : start + 1]
        time.sleep(0.05)


def _chunked(content: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
