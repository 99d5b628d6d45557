"""The first step to a host: its name, its addresses, or the program in front of it."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ozwald.errors import ConnectionFailed, Failure
from ozwald.remote import sockets
from tests.remote.alone import open_ssh
from tests.remote.ssh_server import SshServer, ssh_server


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


@contextmanager
def full() -> Iterator[socket.socket]:
    """A listener whose queue is full: Linux lets further callers wait."""
    with socket.socket() as opened:
        opened.bind(("127.0.0.1", 0))
        opened.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(opened.getsockname())
        time.sleep(0.05)
        yield opened
        for one in waiting:
            one.close()


def found(*listeners: socket.socket) -> list[Any]:
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", one.getsockname()) for one in listeners]


def failed(address: str, *, within_s: float = 1.0, **how: Any) -> ConnectionFailed:
    started = time.monotonic()
    with pytest.raises(ConnectionFailed) as error:
        sockets.connect("box1", address, 22, deadline=started + within_s, **how)
    assert time.monotonic() - started < within_s + 0.5
    return error.value


def test_an_address_that_does_not_answer_leaves_time_for_the_next(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with full() as deaf:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found(deaf, listener))
        started = time.monotonic()
        with sockets.connect("box1", "two.example", 22, deadline=started + 1.0) as sock:
            assert sock.getpeername() == listener.getsockname()
        assert time.monotonic() - started < 1.0


def test_addresses_that_do_not_answer_end_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    with full() as deaf:
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_: found(deaf, deaf, deaf))
        error = failed("three.example", within_s=0.6)

    assert error.failure is Failure.RETRYABLE
    assert "no answer from three.example port 22" in error.message


def test_a_name_server_that_hangs_ends_at_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_: time.sleep(2))
    error = failed("slow.example", within_s=0.3)

    assert error.failure is Failure.RETRYABLE
    assert "was not resolved in time" in error.message


@pytest.mark.parametrize(
    ("number", "failure"), [(socket.EAI_AGAIN, Failure.RETRYABLE), (socket.EAI_NONAME, Failure.TERMINAL)]
)
def test_a_name_server_out_of_reach_is_told_from_an_unknown_name(
    monkeypatch: pytest.MonkeyPatch, number: int, failure: Failure
) -> None:
    def fail(*_: object) -> None:
        raise socket.gaierror(number, "so it is")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert failed("some.example").failure is failure


def test_a_numeric_address_needs_no_name_server_and_no_thread(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("threading.Thread.start", lambda _: pytest.fail("a thread"))
    host, port = listener.getsockname()
    sockets.connect("box1", host, port, deadline=time.monotonic() + 1).close()


def test_the_source_address_and_the_family_are_as_configured(tmp_path: Path) -> None:
    with ssh_server(tmp_path) as server:
        (tmp_path / "config").write_text("BindAddress 127.0.0.9\nAddressFamily inet\n")
        options = replace(server.options, config_file=str(tmp_path / "config"))
        connection = open_ssh(server.host, options=options)
        assert server.behaviour.transports[0].getpeername()[0] == "127.0.0.9"
        connection.close()

        (tmp_path / "config").write_text("BindAddress 192.0.2.7\n")
        with pytest.raises(ConnectionFailed, match=r"BindAddress 192\.0\.2\.7 is no address") as error:
            open_ssh(server.host, options=replace(options, config_file=str(tmp_path / "config")))
        assert error.value.failure is Failure.TERMINAL
        (tmp_path / "config").write_text("AddressFamily inet6\n")
        with pytest.raises(ConnectionFailed, match=r"the name 127\.0\.0\.1 has no address"):
            open_ssh(server.host, options=replace(options, config_file=str(tmp_path / "config")))


# ProxyCommand

RELAY = """\
import os, socket, sys, threading, time
peer = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
def up():
    while data := os.read(0, 65536): peer.sendall(data)
    peer.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
sys.stderr.write('chatter ' * 100_000)
while data := peer.recv(65536): os.write(1, data)
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    with ssh_server(tmp_path) as running:
        yield running


def through(server: SshServer, command: str, tmp_path: Path, *, within_s: float = 5.0) -> Any:
    (tmp_path / "config").write_text(f"ProxyCommand {command}\n")
    options = replace(server.options, config_file=str(tmp_path / "config"))
    return open_ssh(server.host, options=options, deadline=time.monotonic() + within_s)


def running(mark: str) -> list[str]:
    """The processes whose command line has a word, but for those that ended."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "cmdline").read_bytes()
        except OSError:
            continue
        found += [entry.name] if mark.encode() in text else []
    return found


def test_a_proxy_command_ends_with_its_connection_however_much_it_says(server: SshServer, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(RELAY)
    before = len(os.listdir("/proc/self/fd"))
    connection = through(server, f"python3 {relay} %p", tmp_path)
    assert running(str(relay))
    connection.close()

    assert running(str(relay)) == []
    assert len(os.listdir("/proc/self/fd")) <= before + 1  # the test's server may still hold its end


def test_a_proxy_command_that_stays_is_killed(server: SshServer, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ConnectionFailed) as error:
        through(server, "sh -c 'sleep 4715 & sleep 4715'", tmp_path, within_s=0.5)

    assert time.monotonic() - started < 0.5 + 1.5
    assert error.value.failure is Failure.RETRYABLE
    assert running("4715") == []


def test_a_proxy_command_that_fails_is_quoted(server: SshServer, tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailed) as error:
        through(server, "sh -c 'echo no route to the moon >&2; exit 1'", tmp_path, within_s=1.0)

    assert error.value.failure is Failure.RETRYABLE
    assert "no route to the moon" in error.value.message


def test_a_proxy_command_that_does_not_exist_is_final_and_quoted(server: SshServer, tmp_path: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ConnectionFailed, match="/no/such/program") as error:
        through(server, "/no/such/program %h", tmp_path)

    assert error.value.failure is Failure.TERMINAL
    assert time.monotonic() - started < 1
