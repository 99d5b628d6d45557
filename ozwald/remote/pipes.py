"""Two-way byte streams to programs on a host."""

from typing import Protocol

import paramiko

from ozwald.remote.command import close_channel
from ozwald.remote.transport import GuardedTransport


class Pipe(Protocol):
    """A two-way byte stream to a program on a host. Used by one thread at a time."""

    def recv(self, size: int, timeout_s: float | None) -> bytes:
        """The next bytes, none at the end; raises TimeoutError."""

    def send(self, content: bytes, timeout_s: float | None) -> None: ...

    def close_write(self) -> None:
        """Tells the program that nothing more is sent; what it sends can still be read."""

    def is_idle(self) -> bool:
        """Whether it is open with nothing waiting to be read, so that a request may be sent on it."""

    def close(self) -> None: ...


class LinkLostError(OSError):
    """The connection that carries a pipe has ended."""


class ChannelPipe:
    """A pipe through a channel of an SSH connection."""

    def __init__(self, channel: paramiko.Channel, transport: GuardedTransport) -> None:
        self._channel = channel
        self._transport = transport

    def recv(self, size: int, timeout_s: float | None) -> bytes:
        self._channel.settimeout(timeout_s)
        with self._transport.working():
            content = self._channel.recv(size)
        if not content:
            self._require_link()
        return content

    def send(self, content: bytes, timeout_s: float | None) -> None:
        self._channel.settimeout(timeout_s)
        try:
            with self._transport.working():
                self._channel.sendall(content)
        except EOFError as err:  # the socket below takes no more; the thread that reads may notice later
            raise self._lost() from err
        except (OSError, paramiko.SSHException):
            self._require_link()
            raise
        self._require_link()

    def close_write(self) -> None:
        self._channel.shutdown_write()

    def is_idle(self) -> bool:
        channel = self._channel
        return not (channel.closed or channel.eof_received or channel.recv_ready()) and self._transport.is_active()

    def close(self) -> None:
        close_channel(self._channel)

    def _require_link(self) -> None:
        if not self._transport.is_active():
            raise self._lost()

    def _lost(self) -> LinkLostError:
        why = self._transport.why_lost()
        return LinkLostError(f"the connection was lost{f' ({why})' if why else ''}")
