"""What a hostile sshd may do with host keys and logins, once keys are agreed on."""

import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import paramiko
import pytest
from paramiko.common import cMSG_USERAUTH_SUCCESS
from paramiko.message import Message

from ozwald.errors import ConnectionFailed, Failure, HostKeyError
from ozwald.remote.hostkeys import HostKey
from ozwald.remote.known_hosts_file import record_host_key
from tests.remote.alone import open_ssh
from tests.remote.hostile import connected, message, send
from tests.remote.ssh_server import Behaviour, SshServer, ssh_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SshServer]:
    with ssh_server(tmp_path) as running:
        yield running


def refused(server: SshServer) -> ConnectionFailed:
    with pytest.raises(ConnectionFailed) as error:
        connected(server)
    return error.value


def record(server: SshServer, key: paramiko.PKey, *, marker: str = "", name: str | None = None) -> None:
    place = name or f"[127.0.0.1]:{server.port}"
    record_host_key(
        str(server.known_hosts), f"{marker} {place}".strip(), HostKey(type=key.get_name(), blob=key.asbytes())
    )


# Host keys


def test_a_key_of_another_type_than_the_recorded_one_is_a_changed_key(server: SshServer) -> None:
    server.known_hosts.write_text("")
    record(server, paramiko.RSAKey.generate(2048))
    error = refused(server)

    assert isinstance(error, HostKeyError)
    assert "has changed" in error.message
    assert server.behaviour.offers == 0


def test_a_host_with_several_keys_is_asked_for_the_recorded_one(tmp_path: Path) -> None:
    def show_two(transport: paramiko.Transport) -> None:
        transport.add_server_key(other)

    other = paramiko.RSAKey.generate(2048)
    with ssh_server(tmp_path, Behaviour(prepare=show_two)) as server:
        server.known_hosts.write_text("")
        record(server, other)
        connected(server).close()


def test_a_revoked_key_is_refused_although_it_is_recorded(server: SshServer) -> None:
    record(server, server.host_key, marker="@revoked", name="*")
    error = refused(server)

    assert isinstance(error, HostKeyError)
    assert "revoked" in error.message
    assert server.behaviour.offers == 0


def test_a_key_listed_by_revokedhostkeys_is_refused(server: SshServer, tmp_path: Path) -> None:
    (tmp_path / "revoked").write_text(f"# old\n{server.host_key.get_name()} {server.host_key.get_base64()}\n")
    (tmp_path / "config").write_text(f"RevokedHostKeys {tmp_path}/revoked\n")
    options = replace(server.options, config_file=str(tmp_path / "config"))

    with pytest.raises(HostKeyError, match="revoked"):
        open_ssh(server.host, options=options)
    (tmp_path / "revoked").write_text("# nothing\n")
    open_ssh(server.host, options=options).close()
    (tmp_path / "revoked").unlink()
    with pytest.raises(HostKeyError, match="cannot be read"):
        open_ssh(server.host, options=options)
    assert server.behaviour.offers == 1


def test_a_key_known_for_the_plain_address_is_accepted_on_another_port(server: SshServer) -> None:
    server.known_hosts.write_text("")
    record(server, server.host_key, name="127.0.0.1")
    connected(server).close()


def test_another_key_of_the_plain_address_is_no_word_about_another_port(server: SshServer) -> None:
    server.known_hosts.write_text("")
    record(server, paramiko.ECDSAKey.generate(), name="127.0.0.1")
    assert "is not known" in refused(server).message


def test_a_small_rsa_key_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("RequiredRSASize 3072\n")
    with ssh_server(tmp_path, host_key=paramiko.RSAKey.generate(2048)) as server:
        connected(server).close()
        options = replace(server.options, config_file=str(tmp_path / "config"))
        with pytest.raises(HostKeyError, match="2048 bits, and 3072 are required"):
            open_ssh(server.host, options=options)


class OtherSigner(paramiko.ECDSAKey):
    """Shows one key and signs with another: what a replayed key comes to."""

    def sign_ssh_data(self, data: bytes, algorithm: str | None = None) -> Message:
        return paramiko.ECDSAKey.generate().sign_ssh_data(data, algorithm)


def test_a_key_that_the_host_does_not_own_is_refused(tmp_path: Path) -> None:
    key = OtherSigner.generate()
    key.__class__ = OtherSigner
    with ssh_server(tmp_path, host_key=key) as server:
        error = refused(server)

    assert error.failure is Failure.TERMINAL
    assert "Signature verification" in error.message
    assert server.behaviour.offers == 0


def test_another_key_when_the_keys_are_renewed_ends_the_connection(server: SshServer) -> None:
    connection = connected(server)
    theirs = server.behaviour.transports[0]
    other = paramiko.ECDSAKey.generate()
    theirs.server_key_dict = {other.get_name(): other}
    with suppress(OSError, EOFError, paramiko.SSHException):
        theirs.renegotiate_keys()
    connection.transport.join(3)

    assert not connection.is_open()
    with pytest.raises(ConnectionFailed, match="another host key"):
        connection.run(["true"], timeout_s=2)
    connection.close()


# Logins


@pytest.mark.parametrize("methods", ["password", "keyboard-interactive", "password,keyboard-interactive,hostbased"])
def test_a_host_that_wants_a_password_gets_none(server: SshServer, methods: str) -> None:
    server.behaviour.methods = methods
    server.behaviour.refuses_keys = True
    error = refused(server)

    assert error.failure is Failure.TERMINAL
    assert "the host takes no keys, only" in error.message
    assert server.behaviour.secrets == []


def test_a_host_that_wants_more_than_a_key_is_told_apart(server: SshServer) -> None:
    server.behaviour.methods = "keyboard-interactive"
    server.behaviour.answer = paramiko.AUTH_PARTIALLY_SUCCESSFUL  # type: ignore[attr-defined]
    error = refused(server)

    assert error.failure is Failure.TERMINAL
    assert "wants keyboard-interactive after the key" in error.message
    assert server.behaviour.secrets == []


def test_a_welcome_that_nobody_asked_for_opens_nothing(tmp_path: Path) -> None:
    def welcome(transport: paramiko.Transport) -> None:
        plain = transport._handler_table[21]  # type: ignore[attr-defined]

        def with_welcome(packet: Message) -> None:
            plain(packet)
            send(transport, message(cMSG_USERAUTH_SUCCESS))

        transport._handler_table[21] = with_welcome  # type: ignore[attr-defined]

    with ssh_server(tmp_path, Behaviour(prepare=welcome)) as server:
        server.known_hosts.write_text("")
        assert isinstance(refused(server), HostKeyError)
        assert server.behaviour.offers == 0


def test_a_host_that_ends_the_login_is_told_apart_from_one_that_refuses_the_key(server: SshServer) -> None:
    def hang_up(transport: paramiko.Transport) -> None:
        transport._handler_table[5] = lambda packet: transport.close()  # type: ignore[attr-defined]

    server.behaviour.prepare = hang_up
    error = refused(server)

    assert error.failure is Failure.RETRYABLE
    assert "broke while logging in" in error.message


def test_each_step_has_a_time_limit_of_its_own(server: SshServer) -> None:
    server.behaviour.prepare = lambda transport: transport._handler_table.update(  # type: ignore[attr-defined]
        {5: lambda packet: time.sleep(3)}
    )
    options = replace(server.options, connect_timeout_s=5.0, auth_timeout_s=0.4)
    started = time.monotonic()
    with pytest.raises(ConnectionFailed, match="logging in took too long") as error:
        open_ssh(server.host, options=options)

    assert time.monotonic() - started < 0.4 + 1
    assert error.value.failure is Failure.RETRYABLE
    with socket.create_server(("127.0.0.1", 0)) as silent:
        host = replace(server.host, port=silent.getsockname()[1])
        started = time.monotonic()
        with pytest.raises(ConnectionFailed, match="does not speak SSH in time"):
            open_ssh(host, options=replace(options, connect_timeout_s=0.4, auth_timeout_s=9.0))
        assert time.monotonic() - started < 0.4 + 1
