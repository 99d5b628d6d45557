"""The SDK against a real server."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ozwald.api.routes import ROUTES
from ozwald.api.server import ApiServer
from ozwald.client import ApiError, Client, NoAnswer
from tests.api.calling import KEY
from tests.api.serving import Served, served


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as found:
        yield found


@pytest.fixture
def client(site: Served) -> Iterator[Client]:
    with Client(f"http://127.0.0.1:{site.port}", key=KEY) as found:
        yield found


@contextmanager
def answering(content: bytes, *, most: int = 1_000) -> Iterator[tuple[str, list[str]]]:
    """A server that is not ours: answers so many times with this, and hangs up on what comes then."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked.append(f"{self.command} {self.path}")
            if len(asked) > most:
                self.close_connection = True
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keeps quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def test_there_is_a_method_for_every_route() -> None:
    assert [route.name for route in ROUTES if not callable(getattr(Client, route.name, None))] == []


def test_it_says_what_there_is(client: Client) -> None:
    assert client.health() == {"status": "healthy"}
    assert [one["name"] for one in client.configured()] == ["llm"]
    assert [one["host"] for one in client.active()] == ["box1"]
    assert client.one_active("default:chat")["status"] == "available"
    assert [one["host"] for one in client.resources("box2")] == ["box2"]
    assert client.openapi()["openapi"] == "3.1.0"


def test_being_unwell_is_no_error(site: Served, client: Client) -> None:
    site.api.redis = "Redis does not work: refused"

    assert client.health() == {"status": "unhealthy", "detail": "Redis does not work: refused"}


def test_an_update_is_accepted_once_and_again(client: Client) -> None:
    assert client.update([{"name": "chat", "service": "llm"}], expected=0) == 1
    assert client.update([{"name": "chat", "service": "llm"}]) == 1
    assert client.update([]) == 2


def test_a_refresh_is_asked_for(site: Served, client: Client) -> None:
    client.resources(refresh=True)

    assert site.api.board.take_to_probe() == {"box1", "box2"}


def test_a_refusal_says_what_the_provisioner_said(client: Client) -> None:
    with pytest.raises(ApiError, match="the wanted set is at generation 0, not 7") as refused:
        client.update([], expected=7)
    assert refused.value.status == 409
    with pytest.raises(ApiError, match="no active service 'a b c%'"):
        client.one_active("a b c%")


def test_a_wrong_key_is_refused_and_not_repeated(site: Served) -> None:
    with Client(f"http://127.0.0.1:{site.port}", key="another-key-altogether") as stranger:
        assert stranger.health()["status"] == "healthy"
        with pytest.raises(ApiError, match="Authorization: Bearer") as refused:
            stranger.update([{"name": "llm"}] * 5_000)

    assert refused.value.status == 401
    assert "another-key" not in str(refused.value)


def test_all_calls_of_a_thread_share_one_connection(site: Served, client: Client) -> None:
    for _ in range(20):
        client.active()
        client.update([])

    assert site.server.connections == 1


def test_a_list_travels_only_when_it_has_changed(site: Served, client: Client) -> None:
    first = client.active()
    assert client.active() == first
    assert client.generation() == 3

    site.api.board.publish(replace(site.api.view, number=2, generation=4, services=()))

    assert client.active() == []
    assert client.generation() == 4


def test_threads_do_not_disturb_each_other(site: Served, client: Client) -> None:
    wrong: list[object] = []

    def ask() -> None:
        for _ in range(20):
            wrong.extend(one for one in client.active() if one["name"] != "chat")
            wrong.extend([1] if client.health()["status"] != "healthy" else [])

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_a_server_that_was_started_again_is_found_again(site: Served, client: Client) -> None:
    client.active()
    site.server.stop()
    again = ApiServer(site.api.app, host="127.0.0.1", port=site.port, key=KEY.encode())
    threading.Thread(target=again.run, daemon=True).start()

    assert client.update([]) == 1
    again.stop()


def test_a_read_whose_connection_was_lost_is_asked_again_and_a_change_is_not() -> None:
    with answering(b"[]", most=1) as (url, asked), Client(url) as client:
        client.configured()
        with pytest.raises(NoAnswer):
            client.configured()
        assert len(asked) == 3
    with answering(b"[]", most=1) as (url, asked), Client(url) as client:
        client.configured()
        with pytest.raises(NoAnswer):
            client.update([])
        assert len(asked) == 2


def test_nobody_there_is_said_with_the_address() -> None:
    with pytest.raises(NoAnswer, match=r"no provisioner answers at http://127\.0\.0\.1:1: .*refused"):
        Client("http://127.0.0.1:1").health()


@pytest.mark.parametrize("content", [b"<html>", b"", b"[]", b'"text"'])
def test_a_server_that_is_no_provisioner_is_named(content: bytes) -> None:
    with answering(content) as (url, _), pytest.raises(NoAnswer, match="is no provisioner"):
        Client(url).health()


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://host", "http://", "http://host:port", "http://host/?x"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"API|Port"):
        Client(url)


@pytest.mark.parametrize("key", ["a\nb", "a b", "schlüssel", "a\r\nX: y"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="no HTTP header") as refused:
        Client(key=key)
    assert key not in str(refused.value)
