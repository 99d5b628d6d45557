"""Byte pipes to a host's engine over its SSH connection: a channel to the socket, else through the docker CLI."""

import shlex
import time
from collections.abc import Callable
from typing import Final

import paramiko

from ozwald.errors import ConnectionFailed, EngineError, Failure, HostError
from ozwald.model.host import Host
from ozwald.remote.command import OutOfTimeError, close_channel, execute
from ozwald.remote.pipes import ChannelPipe, LinkLostError, Pipe
from ozwald.remote.streamlocal import open_streamlocal
from ozwald.remote.text import clean
from ozwald.remote.transport import GuardedTransport

SOCKET: Final = "/var/run/docker.sock"
OPEN_S: Final = 10.0
COMPLAINT_BYTES: Final = 64 << 10
COMPLAINT_S: Final = 1.0
MISSING: Final = b"ozwald: there is no socket"
DENIED: Final = b"ozwald: the socket is closed to this user"
NO_CLI: Final = b"ozwald: there is no docker command"
# sshd gives one answer for a missing socket, a closed one and forbidden forwarding, so the way round it tells them
# apart. One line without exclamation marks, for the sake of login shells of the C kind.
DIAL: Final = (
    f'test -S "$1" || {{ echo "{MISSING.decode()}" >&2; exit 1; }}; '
    f'test -w "$1" || test "$2" || {{ echo "{DENIED.decode()}" >&2; exit 1; }}; '
    f'command -v docker >/dev/null 2>&1 || {{ echo "{NO_CLI.decode()}" >&2; exit 1; }}; '
    'exec $2 docker -H "unix://$1" system dial-stdio'
)


class SshPipes:
    """Opens pipes to one host's engine; finds out once which way works."""

    def __init__(self, host: Host, transport: GuardedTransport) -> None:
        self._host = host
        self._transport = transport
        self._socket = socket_path(host)
        self._through_cli = False

    def __call__(self, timeout_s: float | None) -> Pipe:
        """A fresh pipe; raises EngineError with the way out, or ConnectionFailed."""
        deadline = time.monotonic() + (OPEN_S if timeout_s is None else min(OPEN_S, timeout_s))
        try:
            with self._transport.working():
                return self._opened(deadline)
        except OutOfTimeError as err:
            raise self._failed("the docker command was not started in time") from err
        except (paramiko.SSHException, EOFError, OSError) as err:
            raise self._failed(self._lost(err)) from err

    def _opened(self, deadline: float) -> Pipe:
        if not self._through_cli:
            try:
                channel = open_streamlocal(self._transport, self._socket, timeout_s=_left(deadline))
                return ChannelPipe(channel, self._transport)
            except paramiko.ChannelException:
                self._through_cli = True
        return self._dial_stdio(deadline)

    def _dial_stdio(self, deadline: float) -> Pipe:
        channel = self._transport.session(_left(deadline))
        try:
            words = ["sh", "-c", DIAL, "sh", self._socket, "sudo -n" if self._host.become else ""]
            execute(channel, shlex.join(words), deadline)
        except BaseException:
            close_channel(channel)
            raise
        return _CliPipe(channel, self._transport, self._cli_failed)

    def _cli_failed(self, said: bytes) -> HostError:
        self._through_cli = False
        if MISSING in said:
            return missing(self._host, self._socket)
        if DENIED in said:
            return denied(self._host, self._transport.get_username() or "")
        if NO_CLI in said:
            return no_way(self._host)
        return cli_failed(self._host, self._socket, said)

    def _lost(self, err: Exception) -> str:
        if isinstance(err, paramiko.ChannelException):
            return "no further channel to the engine is opened (MaxSessions)"
        if self._transport.is_active():
            return f"no channel to the engine: {clean(str(err)) or 'no answer in time'}"
        return f"the connection is lost ({self._transport.why_lost() or clean(str(err))})"

    def _failed(self, message: str) -> ConnectionFailed:
        return ConnectionFailed(self._host.name, message, failure=Failure.RETRYABLE)


def _left(deadline: float) -> float:
    return max(0.01, deadline - time.monotonic())


def socket_path(host: Host) -> str:
    """Where the host's engine listens."""
    return (host.docker_socket or SOCKET).removeprefix("unix://")


def dial_stdio_words(host: Host, socket: str) -> list[str]:
    """The command that joins its input and output to the engine."""
    sudo = ["sudo", "-n"] if host.become else []
    return [*sudo, "docker", "-H", f"unix://{socket}", "system", "dial-stdio"]


def missing(host: Host, socket: str) -> EngineError:
    return EngineError(
        host.name, f"no Docker Engine at {socket}: install docker.io, or set docker_socket", failure=Failure.TERMINAL
    )


def denied(host: Host, user: str) -> EngineError:
    return EngineError(
        host.name,
        f"user {user} may not use the Docker socket: add it to the docker group, or set become: true",
        failure=Failure.TERMINAL,
    )


def no_way(host: Host) -> EngineError:
    message = (
        "become needs the docker command on the host: install the docker CLI there"
        if host.become
        else (
            "sshd forwards no unix sockets and there is no docker command to go through: "
            "set AllowStreamLocalForwarding to yes, or install the docker CLI"
        )
    )
    return EngineError(host.name, message, failure=Failure.TERMINAL)


def cli_failed(host: Host, socket: str, said: bytes) -> EngineError:
    text = clean(said) or "it hung up"
    if "password is required" in text or "sudo:" in text:
        return EngineError(
            host.name,
            f"sudo without a password was refused: {text}: allow it, or drop become",
            failure=Failure.TERMINAL,
        )
    return EngineError(
        host.name, f"no answer from the engine at {socket}: {text}: is dockerd running?", failure=Failure.RETRYABLE
    )


class _CliPipe(ChannelPipe):
    """A pipe through a command, which tells on stderr why it cannot reach the engine."""

    def __init__(
        self, channel: paramiko.Channel, transport: GuardedTransport, failed: Callable[[bytes], HostError]
    ) -> None:
        super().__init__(channel, transport)
        self._failed = failed
        self._has_answered = False

    def send(self, content: bytes, timeout_s: float | None) -> None:
        try:
            super().send(content, timeout_s)
        except (LinkLostError, TimeoutError):
            raise
        except OSError as err:
            if self._has_answered:
                raise
            self._require_link()
            raise self._failed(self._complaint()) from err  # it has ended already

    def recv(self, size: int, timeout_s: float | None) -> bytes:
        content = super().recv(size, timeout_s)
        if not content and not self._has_answered:
            raise self._failed(self._complaint())
        self._has_answered = True
        return content

    def _complaint(self) -> bytes:
        deadline = time.monotonic() + COMPLAINT_S
        said = b""
        while time.monotonic() < deadline and len(said) < COMPLAINT_BYTES:
            self._channel.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                piece = self._channel.recv_stderr(4096)
            except TimeoutError:
                break
            if not piece:
                break
            said += piece
        return said
