"""TCP sockets for SSH: no delay, and an end to a peer that has gone silent."""

import errno
import ipaddress
import socket
import threading
import time
from concurrent.futures import Future
from typing import Final

from ozwald.errors import ConnectionFailed, Failure

KEEPALIVE_IDLE_S: Final = 3
KEEPALIVE_INTERVAL_S: Final = 2
KEEPALIVE_PROBES: Final = 3
USER_TIMEOUT_MS: Final = 8000
MACOS_TCP_KEEPALIVE: Final = 0x10  # socket.TCP_KEEPALIVE, which Python 3.11 does not name

Resolved = tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]


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


def connect(
    host_name: str,
    address: str,
    port: int,
    *,
    deadline: float,
    family: socket.AddressFamily = socket.AF_UNSPEC,
    source: str | None = None,
) -> socket.socket:
    """A tuned socket to the first address that answers; raises ConnectionFailed.

    `deadline` is on the monotonic clock and covers all addresses of the name together; each gets its share of what is
    left. `source` is an address of this machine to connect from.
    """
    place = f"{address} port {port}"
    error: OSError | None = None
    addresses = _resolved(host_name, address, port, family, deadline)
    for number, found in enumerate(addresses):
        share_s = (deadline - time.monotonic()) / (len(addresses) - number)
        try:
            return _connected(found, max(0.001, share_s), source)
        except OSError as err:
            error = err
            if err.errno == errno.EADDRNOTAVAIL and source is not None:
                message = f"BindAddress {source} is no address of this machine"
                raise ConnectionFailed(host_name, message, failure=Failure.TERMINAL) from err
    raise ConnectionFailed(host_name, _explained(place, error), failure=Failure.RETRYABLE) from error


def _connected(found: Resolved, timeout_s: float, source: str | None) -> socket.socket:
    family, kind, protocol, _, where = found
    sock = PromptSocket(family, kind, protocol)
    try:
        sock.settimeout(timeout_s)
        if source is not None:
            sock.bind((source, 0))
        sock.connect(where)
        _tune(sock)
    except BaseException:
        sock.close()
        raise
    return sock


def _resolved(host_name: str, address: str, port: int, family: socket.AddressFamily, deadline: float) -> list[Resolved]:
    """The addresses of a name. The resolver knows no deadline, so it works on a thread that may be left behind."""
    outcome: Future[list[Resolved]] = Future()

    def resolve() -> None:
        try:
            outcome.set_result(socket.getaddrinfo(address, port, family, socket.SOCK_STREAM))  # type: ignore[arg-type]
        except BaseException as err:
            outcome.set_exception(err)

    if _is_numeric(address):
        resolve()
    else:
        threading.Thread(target=resolve, name=f"resolve-{address}", daemon=True).start()
    try:
        return outcome.result(max(0.0, deadline - time.monotonic()))
    except TimeoutError as err:
        message = f"the name {address} was not resolved in time: check the DNS server"
        raise ConnectionFailed(host_name, message, failure=Failure.RETRYABLE) from err
    except (socket.gaierror, UnicodeError) as err:
        again = getattr(err, "errno", None) == socket.EAI_AGAIN
        raise ConnectionFailed(
            host_name,
            f"the name {address} has no address ({getattr(err, 'strerror', None) or err}): check the inventory and DNS",
            failure=Failure.RETRYABLE if again else Failure.TERMINAL,
        ) from err


def _is_numeric(address: str) -> bool:
    try:
        ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return True


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
