"""Slow and greedy clients lose their connection; everybody else is answered."""

import contextlib
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ozwald.api import server as server_module
from ozwald.api.channel import PATIENCE, Stage, network_of
from ozwald.api.server import ApiServer
from ozwald.errors import RequestError
from tests.api.calling import CHAT, KEY
from tests.api.load import HEALTH, LIST, ONE, reads, slow_clients, standing
from tests.api.serving import TOKEN, Served, read_all, read_answer, served
from tests.waiting import eventually


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch, site: Served) -> Served:
    """A server that looks at its clock ten times a second and waits for half a second."""
    monkeypatch.setattr(server_module, "LOOK_EVERY_S", 0.1)
    for stage in PATIENCE:
        monkeypatch.setitem(PATIENCE, stage, 0.5)
    return site


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (HEALTH[:20], b"HTTP/1.0 408"),
        (
            b"POST /srv/services/update HTTP/1.1\r\nHost: localhost\r\n" + TOKEN + b"Content-Length: 5\r\n\r\n[",
            b"HTTP/1.1 408",
        ),
    ],
    ids=["idle", "headers", "body"],
)
def test_what_does_not_come_in_time_is_not_waited_for(impatient: Served, sent: bytes, answer: bytes) -> None:
    with impatient.connect() as client:
        client.sendall(sent)
        assert read_all(client)[:12] == answer[:12]


def test_a_byte_now_and_then_does_not_stretch_the_deadline(impatient: Served) -> None:
    over = time.monotonic() + 10
    with impatient.connect() as client:
        client.settimeout(0.1)
        while time.monotonic() < over:
            with contextlib.suppress(TimeoutError):
                client.send(b"G")
                if client.recv(12) == b"HTTP/1.0 408":
                    return
    pytest.fail("it was never told off")


def test_who_sends_requests_and_never_reads_is_hung_up_on(impatient: Served) -> None:
    impatient.api.board.publish(replace(impatient.api.view, number=2, services=(CHAT,) * 20_000))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(10)
        client.connect(("127.0.0.1", impatient.port))
        client.sendall(LIST * 20)
        with impatient.connect() as other:
            other.sendall(HEALTH)
            assert b" 200 " in read_answer(other)
        eventually_closed(impatient)
        assert len(read_all(client)) < 20_000_000


def test_an_answer_is_sent_whole_to_who_reads_it_slowly(site: Served) -> None:
    site.api.board.publish(replace(site.api.view, number=2, services=(CHAT,) * 20_000))
    with site.connect() as client:
        client.sendall(LIST * 3)
        time.sleep(0.2)  # the answer is larger than what the kernel takes meanwhile
        answers = [read_answer(client) for _ in range(3)]

    assert len({answer.partition(b"\r\n\r\n")[2] for answer in answers}) == 1
    assert len(answers[0]) > 4_000_000


def test_requests_sent_ahead_are_answered_in_their_order(site: Served) -> None:
    with site.connect() as client:
        client.sendall((HEALTH + LIST) * 50)
        answers = [read_answer(client) for _ in range(100)]

    assert [b'"healthy"' in answer for answer in answers] == [True, False] * 50


def test_a_connection_outlives_what_has_not_changed(site: Served) -> None:
    with site.connect() as client:
        client.sendall(LIST)
        tag = next(line for line in read_answer(client).split(b"\r\n") if line.startswith(b"Etag: "))[6:]
        client.sendall(LIST[:-2] + b"If-None-Match: " + tag + b"\r\n\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        client.sendall(HEALTH)

        assert head.startswith(b"HTTP/1.1 304 ")
        assert b" 200 " in read_answer(client)


def test_there_is_always_room_for_one_more(tmp_path: Path) -> None:
    with served(tmp_path, most_per_address=20) as site, contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(site.connect()) for _ in range(50)]
        with site.connect() as client:
            client.sendall(HEALTH)
            assert b" 200 " in read_answer(client)
        closed = [one for one in waiting if is_closed(one)]

        assert closed == waiting[: len(closed)]
        assert len(closed) >= 30


def test_without_a_file_left_those_who_are_connected_are_served_and_who_comes_waits(site: Served) -> None:
    with site.connect() as known, socket.socket() as newcomer:
        known.sendall(HEALTH)
        read_answer(known)
        newcomer.settimeout(10)
        with no_file_left():
            newcomer.connect(("127.0.0.1", site.port))
            newcomer.sendall(HEALTH)
            begun = time.monotonic()
            for _ in range(40):
                known.sendall(HEALTH)
                assert b" 200 " in read_answer(known)
            assert time.monotonic() - begun < 1
        assert b" 200 " in read_answer(newcomer)


def test_who_wakes_a_server_while_it_ends_writes_to_no_closed_file(site: Served) -> None:
    listener, failures = site.server._listeners[0], []
    is_over = threading.Event()

    def wakes() -> None:
        while not is_over.is_set():
            try:
                listener.pull_trigger()
            except OSError as error:
                failures.append(error)

    workers = [threading.Thread(target=wakes) for _ in range(4)]
    for worker in workers:
        worker.start()
    site.server.stop()
    is_over.set()
    for worker in workers:
        worker.join()

    assert not failures


def test_honest_clients_are_answered_beside_slow_ones(tmp_path: Path) -> None:
    with standing(tmp_path, services=1_000) as port, slow_clients(port, 200):
        outcome = reads(port, requests=[HEALTH, ONE, LIST], connections=50, rate=200, seconds=2)

    assert outcome.statuses.keys() == {200, 304}
    assert len(outcome.seconds) == 400
    assert outcome.p99_s < 1


def test_a_stop_lets_nobody_in_and_returns_at_once(tmp_path: Path) -> None:
    with served(tmp_path) as site:
        with site.connect() as client:
            client.sendall(HEALTH)
            read_answer(client)
            begun = time.monotonic()
            site.server.stop()
            assert time.monotonic() - begun < 3
            assert read_all(client) == b""
        with pytest.raises(ConnectionRefusedError):
            site.connect()


def test_a_stop_lets_an_answer_in_the_making_go_out() -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def slow(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        asked.set()
        may_answer.wait(10)
        start("200 OK", [("Content-Length", "4")])
        return [b"done"]

    server = ApiServer(slow, host="127.0.0.1", port=0, key=KEY.encode())
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(HEALTH)
        assert asked.wait(10)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        may_answer.set()
        assert read_all(client).endswith(b"done")
    stopping.join(10)
    serving.join(10)
    assert not serving.is_alive()


def test_a_port_in_use_is_named(site: Served) -> None:
    with pytest.raises(RequestError, match=f"cannot listen on 127.0.0.1:{site.port}: Address already in use"):
        ApiServer(site.api.app, host="127.0.0.1", port=site.port, key=KEY.encode())


def test_the_limit_of_open_files_is_raised_as_far_as_allowed() -> None:
    code = "from ozwald.api.server import raised_open_files; print(raised_open_files())"
    words = ["bash", "-c", f"ulimit -Sn 256 && ulimit -Hn 3000 && exec {sys.executable} -c '{code}'"]

    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout == "3000\n"


def test_who_has_a_network_is_one_client() -> None:
    assert network_of("2001:db8:0:1:aaaa::1") == network_of("2001:db8:0:1:bbbb::2")
    assert network_of("2001:db8:0:1::1") != network_of("2001:db8:0:2::1")
    assert network_of("fe80::1%eth0") == network_of("fe80::2")
    assert network_of("192.0.2.1") == "192.0.2.1"


def test_every_wait_for_a_client_has_an_end() -> None:
    assert PATIENCE.keys() == set(Stage) - {Stage.WORK}


@contextlib.contextmanager
def no_file_left() -> Iterator[None]:
    """This process can open no file."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (free, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def eventually_closed(site: Served) -> None:
    """Returns when the server has let go of all connections."""
    assert eventually(lambda: not site.server.connections)


def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True
