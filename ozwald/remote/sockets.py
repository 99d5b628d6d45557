"""TCP sockets for SSH: no delay, and an end to a peer that has gone silent."""

import socket
import time
from typing import Final

from ozwald.errors import ConnectionFailed, Failure

KEEPALIVE_IDLE_S: Final = 3
KEEPALIVE_INTERVAL_S: Final = 2
KEEPALIVE_PROBES: Final = 3
USER_TIMEOUT_MS: Final = 8000
MACOS_TCP_KEEPALIVE: Final = 0x10  # socket.TCP_KEEPALIVE, which Python 3.11 does not name


class PromptSocket(socket.socket):
    """Acknowledges what it reads at once.

    sshd sets TCP_NODELAY only when a session starts a command, so on a connection that carries nothing but the
    engine Linux's delayed acknowledgement would hold an answer back for 40 ms. The option does not last: each read
    sets it again.
    """

    def recv(self, size: int, flags: int = 0) -> bytes:
        content = super().recv(size, flags)
        if hasattr(socket, "TCP_QUICKACK"):
            self.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return content


def connect(host_name: str, address: str, port: int, *, deadline: float) -> socket.socket:
    """A tuned socket to the first address that answers; raises ConnectionFailed.

    `deadline` is on the monotonic clock and covers all addresses of the name together.
    """
    place = f"{address} port {port}"
    error: OSError | None = None
    for family, kind, protocol, _, where in _resolved(host_name, address, port):
        sock = PromptSocket(family, kind, protocol)
        try:
            sock.settimeout(max(0.001, deadline - time.monotonic()))
            sock.connect(where)
            _tune(sock)
            return sock
        except OSError as err:
            error = err
            sock.close()
        except BaseException:
            sock.close()
            raise
    raise ConnectionFailed(host_name, _explained(place, error), failure=Failure.RETRYABLE) from error


def _resolved(
    host_name: str, address: str, port: int
) -> list[tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]]:
    try:
        return socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)  # type: ignore[return-value]
    except (socket.gaierror, UnicodeError) as err:
        again = getattr(err, "errno", None) == socket.EAI_AGAIN
        raise ConnectionFailed(
            host_name,
            f"the name {address} has no address ({getattr(err, 'strerror', None) or err}): check the inventory and DNS",
            failure=Failure.RETRYABLE if again else Failure.TERMINAL,
        ) from err


def _explained(place: str, error: OSError | None) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer from {place}: is the machine up, and the address right?"
    if isinstance(error, ConnectionRefusedError):
        return f"{place} refused the connection: is sshd running there?"
    return f"cannot connect to {place}: {error.strerror or error if error else 'no address'}"


def _tune(sock: socket.socket) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    idle = getattr(socket, "TCP_KEEPIDLE", MACOS_TCP_KEEPALIVE)
    sock.setsockopt(socket.IPPROTO_TCP, idle, KEEPALIVE_IDLE_S)
    for name, value in (
        ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_S),
        ("TCP_KEEPCNT", KEEPALIVE_PROBES),
        ("TCP_USER_TIMEOUT", USER_TIMEOUT_MS),
    ):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
