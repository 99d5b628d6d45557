"""Opening connections and running commands, against a server that misbehaves on purpose."""

import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest

from ozwald.errors import ConnectionFailed, Failure, HostKeyError
from ozwald.model.host import Host
from ozwald.remote.connection import SshConnection
from ozwald.remote.fleet import Fleet
from ozwald.remote.known_hosts_file import record_host_key
from ozwald.remote.pipes import ChannelPipe, LinkLostError
from ozwald.remote.streamlocal import open_streamlocal
from tests.remote.agent import AddKey
from tests.remote.alone import open_ssh
from tests.remote.ssh_server import Behaviour, SshServer, ssh_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    with ssh_server(tmp_path) as running:
        yield running


def connected(server: SshServer, *, within_s: float = 10.0) -> SshConnection:
    return open_ssh(server.host, options=server.options, deadline=time.monotonic() + within_s)


def refused(server: SshServer, host: Host | None = None, *, within_s: float = 10.0) -> ConnectionFailed:
    with pytest.raises(ConnectionFailed) as error:
        open_ssh(host or server.host, options=server.options, deadline=time.monotonic() + within_s)
    return error.value


def ssh_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if isinstance(thread, paramiko.Transport)]


def reply(channel: paramiko.Channel, output: bytes, status: int = 0) -> None:
    channel.sendall(output)
    channel.send_exit_status(status)
    channel.close()


def test_a_command_s_output_and_status_come_back(server: SshServer) -> None:
    def act(channel: paramiko.Channel, command: bytes) -> None:
        channel.sendall_stderr(b"warned")
        reply(channel, command, 3)

    server.behaviour.on_exec = act
    connection = connected(server)
    result = connection.run(["echo", "a b", "$(id)", "it's"], timeout_s=5)
    connection.close()

    assert (result.exit_status, result.stderr, result.truncated) == (3, b"warned", False)
    assert result.stdout == b"exec timeout -k 2 5 echo 'a b' '$(id)' 'it'\"'\"'s'"


def test_with_become_sudo_stands_before_everything(server: SshServer) -> None:
    server.behaviour.on_exec = reply
    connection = open_ssh(replace(server.host, become=True), options=server.options)

    assert connection.run(["id"], timeout_s=1.2).stdout == b"exec sudo -n -- timeout -k 2 2 id"
    assert connection.run(["id"], timeout_s=1, become=False).stdout == b"exec timeout -k 2 1 id"
    connection.close()


def test_output_beyond_the_limit_is_dropped_and_said(server: SshServer) -> None:
    server.behaviour.on_exec = lambda channel, command: reply(channel, b"x" * 500_000)
    connection = connected(server)
    result = connection.run(["cat"], timeout_s=5, limit_bytes=1000)
    connection.close()

    assert (len(result.stdout), result.truncated, result.exit_status) == (1000, True, 0)


def test_input_reaches_the_command_while_its_output_is_taken(server: SshServer) -> None:
    def act(channel: paramiko.Channel, command: bytes) -> None:
        while piece := channel.recv(65536):
            channel.sendall(piece)
        channel.send_exit_status(0)
        channel.close()

    server.behaviour.on_exec = act
    connection = connected(server)
    content = bytes(range(256)) * 40_000
    result = connection.run(["cat"], stdin=content, timeout_s=20, limit_bytes=1 << 30)
    connection.close()

    assert result.stdout == content


def test_a_link_that_breaks_during_a_command_leaves_the_outcome_unknown(server: SshServer) -> None:
    server.behaviour.on_exec = lambda channel, command: channel.get_transport().close()
    connection = connected(server)

    with pytest.raises(ConnectionFailed) as error:
        connection.run(["reboot"], timeout_s=5)
    connection.close()
    assert error.value.failure is Failure.UNKNOWN


def test_a_command_whose_status_never_comes_is_unknown(server: SshServer) -> None:
    server.behaviour.on_exec = lambda channel, command: channel.close()
    connection = connected(server)

    with pytest.raises(ConnectionFailed) as error:
        connection.run(["true"], timeout_s=5)
    connection.close()
    assert error.value.failure is Failure.UNKNOWN


def test_a_host_that_never_ends_the_command_is_given_up(server: SshServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ozwald.remote.command.REPLY_S", 0.2)
    monkeypatch.setattr("ozwald.remote.command.KILL_AFTER_S", 0)
    server.behaviour.on_exec = lambda channel, command: channel.sendall(b"working")
    connection = connected(server)

    with pytest.raises(ConnectionFailed, match="no exit status within 1 s") as error:
        connection.run(["sleep", "9"], timeout_s=1)
    connection.close()
    assert error.value.failure is Failure.UNKNOWN


def test_a_lost_connection_is_known_before_anything_is_sent(server: SshServer) -> None:
    connection = connected(server)
    server.behaviour.transports[0].close()
    connection.transport.join(2)

    assert not connection.is_open()
    with pytest.raises(ConnectionFailed) as error:
        connection.run(["true"], timeout_s=5)
    connection.close()
    assert error.value.failure is Failure.RETRYABLE


def test_an_unknown_host_key_stops_everything_before_a_key_is_offered(server: SshServer) -> None:
    server.known_hosts.write_text("")
    error = refused(server)

    assert isinstance(error, HostKeyError)
    assert "`ozwald trust box1`" in error.message
    assert server.behaviour.offers == 0


def test_a_changed_host_key_stops_everything_before_a_key_is_offered(server: SshServer) -> None:
    server.trust(paramiko.ECDSAKey.generate())
    error = refused(server)

    assert isinstance(error, HostKeyError)
    assert error.message.count("SHA256:") == 2
    assert server.behaviour.offers == 0


def test_a_key_can_be_looked_at_and_recorded_without_logging_in(server: SshServer) -> None:
    server.known_hosts.write_text("")
    with Fleet({}, options=server.options) as fleet:
        shown = fleet.show_keys([server.host]).values["box1"]
        assert not shown.is_known
        record_host_key(shown.file, shown.name, shown.key)
        assert fleet.show_keys([server.host]).values["box1"].is_known
        assert server.behaviour.offers == 0
        assert fleet.connection(server.host).is_open()


def test_a_refused_key_is_final_and_says_what_to_do(server: SshServer) -> None:
    server.behaviour.refuses_keys = True
    error = refused(server)

    assert error.failure is Failure.TERMINAL
    assert "user ada was refused" in error.message
    assert "authorized_keys" in error.message


def test_a_key_file_that_is_not_there_is_named(server: SshServer) -> None:
    error = refused(server, replace(server.host, identity_file="/nowhere/id"))

    assert (error.failure, error.message) == (
        Failure.TERMINAL,
        "the key /nowhere/id does not exist: correct identity_file",
    )


def test_a_locked_key_is_named_with_the_way_to_unlock_it(server: SshServer, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    key = paramiko.ECDSAKey.from_private_key_file(str(server.identity_file))
    key.write_private_key_file(str(locked), password="secret")
    host = replace(server.host, identity_file=str(locked))

    assert f"`ssh-add {locked}`" in refused(server, host).message
    asked: list[str] = []

    def ask(path: str) -> str:
        asked.append(path)
        return "secret"

    with Fleet({}, options=replace(server.options, ask_passphrase=ask)) as fleet:
        second = replace(host, name="box2")
        for one in (host, second):
            assert fleet.connection(one).is_open()
    assert asked == [str(locked)]


def locked_copy(server: SshServer, tmp_path: Path) -> Host:
    key = paramiko.ECDSAKey.from_private_key_file(str(server.identity_file))
    key.write_private_key_file(str(tmp_path / "locked"), password="secret")
    return replace(server.host, identity_file=str(tmp_path / "locked"))


def test_a_mistyped_passphrase_is_asked_for_again(server: SshServer, tmp_path: Path) -> None:
    answers = ["wrong", "secret"]
    host = locked_copy(server, tmp_path)

    open_ssh(host, options=replace(server.options, ask_passphrase=lambda path: answers.pop(0))).close()
    assert answers == []


def test_the_time_a_person_takes_to_type_does_not_count(server: SshServer, tmp_path: Path) -> None:
    def ask(path: str) -> str:
        time.sleep(0.6)
        return "secret"

    options = replace(server.options, ask_passphrase=ask)
    host = locked_copy(server, tmp_path)
    open_ssh(host, options=options, deadline=time.monotonic() + 0.5).close()


def test_without_a_key_file_the_agent_s_keys_are_used(server: SshServer, agent: AddKey) -> None:
    agent(server.identity_file)
    options = replace(server.options, use_agent=True)

    open_ssh(replace(server.host, identity_file=None), options=options).close()
    assert server.behaviour.offers == 1


def test_a_locked_key_that_the_agent_holds_needs_no_passphrase(
    server: SshServer, agent: AddKey, tmp_path: Path
) -> None:
    agent(server.identity_file)
    locked = tmp_path / "locked"
    shutil.copy(server.identity_file, locked)
    subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", str(locked)], check=True, capture_output=True)

    open_ssh(replace(server.host, identity_file=str(locked)), options=replace(server.options, use_agent=True)).close()
    assert server.behaviour.offers == 1


def test_other_keys_of_the_agent_are_not_offered_beside_a_chosen_one(
    server: SshServer, agent: AddKey, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    paramiko.ECDSAKey.generate().write_private_key_file(str(other))
    agent(other)

    open_ssh(server.host, options=replace(server.options, use_agent=True)).close()
    assert server.behaviour.offers == 1


def test_connections_that_are_dropped_early_are_made_again(tmp_path: Path) -> None:
    with ssh_server(tmp_path, Behaviour(drops=2)) as server:
        connected(server).close()
        assert server.behaviour.connections == 3


def test_dropped_connections_end_at_the_deadline(tmp_path: Path) -> None:
    with ssh_server(tmp_path, Behaviour(drops=1000)) as server:
        started = time.monotonic()
        error = refused(server, within_s=1.0)

    assert time.monotonic() - started < 2
    assert error.failure is Failure.RETRYABLE


def test_a_port_where_nobody_listens_is_said_at_once(server: SshServer) -> None:
    server.close()
    started = time.monotonic()
    error = refused(server)

    assert time.monotonic() - started < 1
    assert error.failure is Failure.RETRYABLE
    assert error.message == f"127.0.0.1 port {server.port} refused the connection: is sshd running there?"


def test_a_port_that_says_nothing_is_given_up_at_the_deadline(server: SshServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        error = refused(server, replace(server.host, port=silent.getsockname()[1]), within_s=0.5)

    assert time.monotonic() - started < 1.5
    assert error.failure is Failure.RETRYABLE
    assert "does not speak SSH in time" in error.message


def test_a_name_without_address_is_final(server: SshServer) -> None:
    error = refused(server, replace(server.host, address="no-such-host.invalid"))

    assert "check the inventory and DNS" in error.message


def test_jump_hosts_in_a_circle_are_an_error(server: SshServer) -> None:
    first = replace(server.host, jump="two")
    inventory = {"one": first, "two": replace(server.host, name="two", jump="one")}

    with pytest.raises(ConnectionFailed, match="circle") as error:
        open_ssh(first, inventory=inventory, options=server.options)
    assert error.value.failure is Failure.TERMINAL


def test_a_proxy_command_carries_the_connection(server: SshServer, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(
        "import os, socket, sys, threading\n"
        "peer = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
        "def up():\n"
        "    while data := os.read(0, 65536): peer.sendall(data)\n"
        "threading.Thread(target=up, daemon=True).start()\n"
        "while data := peer.recv(65536): os.write(1, data)\n"
    )
    config = tmp_path / "config"
    config.write_text(f"Host *\n ProxyCommand {sys.executable} {relay} %p\n")
    server.behaviour.on_exec = reply
    connection = open_ssh(server.host, options=replace(server.options, config_file=str(config)))
    assert connection.run(["true"], timeout_s=5).exit_status == 0
    connection.close()


def test_closing_leaves_no_thread(server: SshServer) -> None:
    server_side = len(ssh_threads())
    connection = connected(server)
    connection.close()
    server.close()
    for thread in ssh_threads():
        thread.join(1)

    assert len(ssh_threads()) <= server_side


def test_a_channel_to_a_unix_socket_carries_bytes_both_ways(server: SshServer) -> None:
    def echo(channel: paramiko.Channel, _: bytes) -> None:
        channel.sendall(channel.recv(100).upper())
        channel.close()

    server.behaviour.streamlocal = echo
    connection = connected(server)
    channel = open_streamlocal(connection.transport, "/run/x.sock", timeout_s=5)
    channel.sendall(b"hello")

    assert channel.recv(100) == b"HELLO"
    assert channel.recv(100) == b""
    connection.close()


def test_a_pipe_that_takes_no_more_says_that_the_connection_is_lost(server: SshServer) -> None:
    server.behaviour.streamlocal = lambda channel, _: channel.recv(1)  # type: ignore[assignment]
    connection = connected(server)
    pipe = ChannelPipe(open_streamlocal(connection.transport, "/run/x.sock", timeout_s=5), connection.transport)
    connection.transport.sock.shutdown(socket.SHUT_WR)

    with pytest.raises(LinkLostError, match="the connection was lost"):
        pipe.send(b"hello", 5)
    connection.close()


def test_a_refused_channel_to_a_unix_socket_is_an_error_and_the_connection_stays(server: SshServer) -> None:
    connection = connected(server)

    with pytest.raises(paramiko.ChannelException):
        open_streamlocal(connection.transport, "/run/x.sock", timeout_s=5)
    assert connection.is_open()
    connection.close()
