"""A TCP connection from a host to an address of its own, through the SSH connection to it."""

import socket
from typing import cast

import paramiko
from paramiko.common import OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

from ozwald.errors import ConnectionFailed, Failure
from ozwald.remote.connection import HostConnection, SshConnection

TUNNEL_S = 5.0


def connect_through(connection: HostConnection, address: tuple[str, int], *, timeout_s: float) -> socket.socket:
    """A connection to that host and port as seen from the machine; each wait for its bytes is at most `timeout_s`.

    Raises:
        ConnectionRefusedError: nobody listens there.
        ConnectionFailed: the host forbids forwarding, or its connection is lost.
    """
    if not isinstance(connection, SshConnection):
        return socket.create_connection(address, timeout_s)
    name, transport, shown = connection.host.name, connection.transport, f"{address[0]}:{address[1]}"
    try:
        with transport.working():
            channel = transport.open_channel("direct-tcpip", address, ("127.0.0.1", 0), timeout=TUNNEL_S)
    except paramiko.ChannelException as err:
        if err.code == OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED:
            message = "its sshd forbids forwarding (AllowTcpForwarding): set OZWALD_API_URL to where the API is reached"
            raise ConnectionFailed(name, message, failure=Failure.TERMINAL) from err
        raise ConnectionRefusedError(f"nobody listens on {shown} of {name}") from err
    except (paramiko.SSHException, EOFError, OSError) as err:
        message = f"no connection to {shown} through SSH: {err}"
        raise ConnectionFailed(name, message, failure=Failure.RETRYABLE) from err
    channel.settimeout(timeout_s)
    return cast(socket.socket, channel)  # it has what http.client uses of one
