"""Helpers for tests against an SSH server that means harm."""

import time

import paramiko
from paramiko.message import Message

from ozwald.remote.connection import SshConnection
from tests.remote.alone import open_ssh
from tests.remote.ssh_server import SshServer


def connected(server: SshServer) -> SshConnection:
    return open_ssh(server.host, options=server.options, deadline=time.monotonic() + 5)


def message(kind: bytes, *parts: int | bytes) -> Message:
    made = Message()
    made.add_byte(kind)
    for part in parts:
        if isinstance(part, bytes):
            made.add_string(part)
        else:
            made.add_int(part)
    return made


def send(transport: paramiko.Transport, packet: Message) -> None:
    transport._send_message(packet)  # type: ignore[attr-defined]
