"""What a hostile sshd may do on an open connection: flood, overflow, cheat, and say farewell."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import paramiko
import pytest
from paramiko.common import cMSG_CHANNEL_DATA, cMSG_EXT_INFO, cMSG_IGNORE
from paramiko.message import Message

from ozwald.errors import ConnectionFailed, Failure
from ozwald.remote import link as links
from ozwald.remote.fleet import Fleet
from ozwald.remote.link import Pace
from ozwald.remote.sampler import open_sampler
from ozwald.remote.streamlocal import open_streamlocal
from tests.remote.hostile import connected, message, send
from tests.remote.ssh_server import Behaviour, SshServer, ssh_server
from tests.waiting import eventually


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    with ssh_server(tmp_path) as running:
        yield running


# Channels


@pytest.mark.parametrize("kind", ["auth-agent@openssh.com", "x11", "forwarded-tcpip", "session", "direct-tcpip"])
def test_a_host_may_open_no_channel_to_us(server: SshServer, kind: str) -> None:
    connection = connected(server)
    with pytest.raises(paramiko.ChannelException) as error:
        server.behaviour.transports[0].open_channel(kind, ("127.0.0.1", 22), ("127.0.0.1", 22), timeout=3)

    assert error.value.code == paramiko.common.OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED
    assert connection.is_open()
    connection.close()


def test_a_session_that_is_opened_too_late_is_closed_again(server: SshServer) -> None:
    connection = connected(server)
    server.behaviour.hesitates_s = 0.4
    with pytest.raises(ConnectionFailed, match=r"opens no session within 0\.1 s") as error:
        connection.run(["true"], timeout_s=0.1)
    assert error.value.failure is Failure.RETRYABLE
    del error
    late = server.behaviour.transports[0].accept(2)

    assert late is not None
    late.settimeout(2)
    assert late.recv(1) == b""
    assert late.closed
    assert connection.is_open()
    connection.close()


def flood(write: str) -> Callable[[paramiko.Channel, bytes], None]:
    def act(channel: paramiko.Channel, command: bytes) -> None:
        with suppress(OSError, EOFError, paramiko.SSHException):
            while True:
                getattr(channel, write)(b"y" * 30000)

    return act


@pytest.fixture
def killed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ozwald.remote.command.KILL_AFTER_S", 0)


@pytest.mark.parametrize("write", ["sendall", "sendall_stderr"])
@pytest.mark.usefixtures("killed_at_once")
def test_output_without_end_ends_with_the_command_s_time(server: SshServer, write: str) -> None:
    server.behaviour.on_exec = flood(write)
    connection = connected(server)
    started = time.monotonic()
    with pytest.raises(ConnectionFailed, match="no exit status within 1 s") as error:
        connection.run(["yes"], timeout_s=1, limit_bytes=1000)

    assert time.monotonic() - started < 1 + 1
    assert error.value.failure is Failure.UNKNOWN
    connection.close()


def test_one_host_s_flood_does_not_hold_up_another(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()

    def answer(channel: paramiko.Channel, command: bytes) -> None:
        channel.send_exit_status(0)
        channel.close()

    hostile, good = Behaviour(on_exec=flood("sendall")), Behaviour(on_exec=answer)
    with ssh_server(tmp_path / "a", hostile) as bad, ssh_server(tmp_path / "b", good) as other:
        flooded, calm = connected(bad), connected(other)

        def suffer() -> None:
            with suppress(ConnectionFailed):
                flooded.run(["yes"], timeout_s=1)

        victim = threading.Thread(target=suffer)
        victim.start()
        time.sleep(0.3)
        started = time.monotonic()
        for _ in range(5):
            assert calm.run(["true"], timeout_s=5).exit_status == 0
        assert time.monotonic() - started < 2
        flooded.close()
        calm.close()
        victim.join(5)


@pytest.mark.parametrize("statuses", [[3, 4], [4_294_967_295], [256]])
def test_odd_exit_statuses_are_failures_of_the_command_alone(server: SshServer, statuses: list[int]) -> None:
    def act(channel: paramiko.Channel, command: bytes) -> None:
        for status in statuses:
            channel.send_exit_status(status)
        channel.close()

    server.behaviour.on_exec = act
    connection = connected(server)
    assert connection.run(["true"], timeout_s=5).exit_status == statuses[-1]
    assert connection.is_open()
    connection.close()


@pytest.mark.parametrize("write", ["sendall", "sendall_stderr"])
def test_a_flood_instead_of_samples_is_given_up(server: SshServer, write: str) -> None:
    server.behaviour.on_exec = flood(write)
    connection = connected(server)
    with open_sampler(connection) as sampler, pytest.raises(ConnectionFailed, match="more than it was asked") as error:
        sampler.read()

    assert error.value.failure is Failure.TERMINAL
    connection.close()


def test_a_host_that_takes_no_ticks_is_given_up(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ozwald.remote.sampler.SEND_S", 0.3)
    connection = connected(server)
    server.behaviour.transports[0].default_window_size = 0
    server.behaviour.on_exec = lambda channel, command: None
    with open_sampler(connection) as sampler, pytest.raises(ConnectionFailed, match="takes no more input") as error:
        sampler.read()

    assert error.value.failure is Failure.RETRYABLE
    connection.close()


@pytest.mark.parametrize("size", [10, 1_000_000])
@pytest.mark.usefixtures("killed_at_once")
def test_a_host_that_takes_no_input_holds_nobody_up(server: SshServer, size: int) -> None:
    connection = connected(server)
    server.behaviour.transports[0].default_window_size = 0
    server.behaviour.on_exec = lambda channel, command: None
    started = time.monotonic()
    with pytest.raises(ConnectionFailed) as error:
        connection.run(["cat"], stdin=b"x" * size, timeout_s=1)

    assert time.monotonic() - started < 1 + 1
    assert error.value.failure is Failure.UNKNOWN
    connection.close()
    assert eventually(lambda: all(thread.name != "ssh-stdin" for thread in threading.enumerate()))


def test_more_than_was_allowed_ends_the_connection_instead_of_filling_memory(server: SshServer) -> None:
    def overflow(channel: paramiko.Channel, command: bytes) -> None:
        with suppress(OSError, EOFError):
            for _ in range(1000):
                send(channel.get_transport(), message(cMSG_CHANNEL_DATA, channel.remote_chanid, b"z" * 30000))

    server.behaviour.streamlocal = overflow
    connection = connected(server)
    channel = open_streamlocal(connection.transport, "/run/x.sock", timeout_s=5)
    connection.transport.join(5)

    assert not connection.is_open()
    assert len(channel.in_buffer) < connection.transport.default_window_size + 32768
    assert connection.transport.why_lost() == "it sends more than it is allowed to"
    connection.close()


@pytest.mark.parametrize("length", [1 << 30, 0xFFFFFFFF, 3])
def test_a_packet_of_impossible_length_ends_the_connection_at_once(server: SshServer, length: int) -> None:
    connection = connected(server)
    theirs = server.behaviour.transports[0]
    packetizer: Any = theirs.packetizer
    plain = packetizer._build_packet
    packetizer._build_packet = lambda payload: length.to_bytes(4, "big") + plain(payload)[4:]
    send(theirs, message(cMSG_IGNORE, b"junk" * 100))
    connection.transport.join(2)

    assert not connection.is_open()
    connection.close()


def test_a_host_that_hangs_up_without_a_word_is_told_from_other_losses(server: SshServer) -> None:
    server.behaviour.on_exec = lambda channel, command: channel.get_transport().sock.shutdown(socket.SHUT_RDWR)
    connection = connected(server)
    with pytest.raises(ConnectionFailed, match=r"lost while a command ran \(it hung up\)$") as error:
        connection.run(["true"], timeout_s=5)

    assert error.value.failure is Failure.UNKNOWN
    connection.close()


def test_terminal_escapes_in_a_farewell_are_harmless(server: SshServer) -> None:
    def part(channel: paramiko.Channel, command: bytes) -> None:
        send(channel.get_transport(), message(b"\x01", 11, b"\x1b[2J\x1b]0;owned\x07 gone \x9b1m", b""))

    server.behaviour.on_exec = part
    connection = connected(server)
    with pytest.raises(ConnectionFailed, match="gone") as error:
        connection.run(["true"], timeout_s=5)

    assert error.value.message.isprintable()
    assert error.value.failure is Failure.UNKNOWN
    connection.close()


# Floods


def test_an_impossible_count_of_extensions_is_not_believed(server: SshServer) -> None:
    server.behaviour.on_exec = lambda channel, command: _answer_after(channel, message(cMSG_EXT_INFO, 0xFFFFFFFF))
    connection = connected(server)

    assert connection.run(["true"], timeout_s=3).exit_status == 0
    connection.close()


def _answer_after(channel: paramiko.Channel, packet: Message) -> None:
    send(channel.get_transport(), packet)
    channel.send_exit_status(0)
    channel.close()


def test_keys_renewed_without_end_are_taken_at_a_bounded_rate(server: SshServer) -> None:
    connection = connected(server)
    theirs = server.behaviour.transports[0]
    renewed = 0
    until = time.monotonic() + 1.0
    while time.monotonic() < until:
        theirs.renegotiate_keys()
        renewed += 1

    assert 1 <= renewed <= links.BURST / 2000 + 5
    assert connection.is_open()
    connection.close()


def test_junk_without_end_leaves_the_connection_usable(server: SshServer) -> None:
    server.behaviour.on_exec = lambda channel, command: _answer_after(channel, message(cMSG_IGNORE, b"junk"))
    connection = connected(server)
    theirs, stop = server.behaviour.transports[0], threading.Event()

    def babble() -> None:
        with suppress(OSError, EOFError):
            while not stop.is_set():
                send(theirs, message(cMSG_IGNORE, b"junk"))

    babbling = threading.Thread(target=babble, daemon=True)
    babbling.start()
    try:
        assert connection.run(["true"], timeout_s=5).exit_status == 0
    finally:
        stop.set()
        connection.close()
        babbling.join(2)


def test_the_pace_is_free_at_first_and_bounded_after_that() -> None:
    now = [100.0]
    rests: list[float] = []

    def rest(seconds: float) -> None:
        rests.append(seconds)
        now[0] += seconds

    pace = Pace(clock=lambda: now[0], sleep=rest)
    for _ in range(int(links.BURST)):
        pace.take(0)
    assert rests == []
    for _ in range(40_000):
        pace.take(0)
    assert now[0] - 100.0 == pytest.approx(40_000 / links.RATE, rel=0.05)
    now[0] += 3600
    rests.clear()
    for _ in range(int(links.BURST)):
        pace.take(0)
    assert rests == []


def test_a_million_channels_are_not_remembered_one_by_one(server: SshServer) -> None:
    connection = connected(server)
    seen = connection.transport.channels_seen
    for channel_number in range(1000):
        seen[channel_number] = True

    assert 999 in seen
    assert 1000 not in seen
    assert not hasattr(seen, "__len__")
    connection.close()


def test_hostile_hosts_fail_alone(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with ssh_server(tmp_path / "a") as bad, ssh_server(tmp_path / "b") as good:
        bad.trust(paramiko.ECDSAKey.generate())
        both = (str(bad.known_hosts), str(good.known_hosts))
        hosts = [replace(bad.host, name="bad"), replace(good.host, name="good")]
        with Fleet({}, options=replace(good.options, known_hosts=both)) as fleet:
            seen = fleet.map(hosts, lambda connection: connection.is_open())

    assert (seen.values, list(seen.failures)) == ({"good": True}, ["bad"])
