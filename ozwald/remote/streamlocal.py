"""What paramiko has no public call for: channels to a unix socket of the host, and signals to a remote process."""

import threading
import time
from typing import Final

import paramiko
from paramiko.common import cMSG_CHANNEL_OPEN, cMSG_CHANNEL_REQUEST
from paramiko.message import Message

KIND: Final = "direct-streamlocal@openssh.com"


def open_streamlocal(transport: paramiko.Transport, path: str, *, timeout_s: float) -> paramiko.Channel:
    """A channel to the unix socket `path` on the host; raises paramiko.SSHException.

    Follows Transport.open_channel, which knows no such kind (paramiko issue 544), and OpenSSH's PROTOCOL section 2.4.
    """
    with transport.lock:
        number = transport._next_channel()  # type: ignore[attr-defined]
        request = Message()
        request.add_byte(cMSG_CHANNEL_OPEN)
        request.add_string(KIND)
        for value in (number, transport.default_window_size, transport.default_max_packet_size):
            request.add_int(value)
        request.add_string(path)
        request.add_string("")
        request.add_int(0)
        channel = paramiko.Channel(number)
        transport._channels.put(number, channel)  # type: ignore[attr-defined]
        transport.channel_events[number] = opened = threading.Event()
        transport.channels_seen[number] = True
        channel._set_transport(transport)  # type: ignore[attr-defined]
        channel._set_window(transport.default_window_size, transport.default_max_packet_size)  # type: ignore[attr-defined]
    transport._send_user_message(request)  # type: ignore[attr-defined]
    deadline = time.monotonic() + timeout_s
    while not opened.wait(min(0.1, max(0.0, deadline - time.monotonic()))):
        if not transport.is_active():
            raise transport.get_exception() or paramiko.SSHException("the connection was lost")
        if time.monotonic() >= deadline:
            transport._unlink_channel(number)  # type: ignore[attr-defined]
            raise paramiko.SSHException("timed out opening a channel to a unix socket")
    if not channel.active:
        raise transport.get_exception() or paramiko.SSHException("the host refused a channel to a unix socket")
    return channel


def send_signal(channel: paramiko.Channel, name: str) -> None:
    """Asks sshd to signal a session's process group, as RFC 4254 section 6.9 has it; OpenSSH does since 7.9."""
    request = Message()
    request.add_byte(cMSG_CHANNEL_REQUEST)
    request.add_int(channel.remote_chanid)
    request.add_string("signal")
    request.add_boolean(False)
    request.add_string(name)
    transport = channel.get_transport()
    transport._send_user_message(request)  # type: ignore[attr-defined]
