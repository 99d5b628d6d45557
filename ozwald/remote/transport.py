"""paramiko's transport with what it lacks against a hostile, broken or vanished host: limits, an ear for silence."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import paramiko
from paramiko.common import cMSG_CHANNEL_CLOSE, cMSG_GLOBAL_REQUEST
from paramiko.message import Message
from paramiko.packet import Packetizer

from ozwald.remote import link as links
from ozwald.remote.algorithms import Algorithms, disabled
from ozwald.remote.link import Link, Pace, SilentError
from ozwald.remote.text import clean

SSH_LOG: Final = f"{__name__}.paramiko"
PACKET_BYTES: Final = 256 << 10  # OpenSSH's own limit; paramiko would wait for 4 GiB
EXTENSIONS: Final = 16
REKEY_COST: Final = 2000.0  # two a second: OpenSSH does it once per gigabyte
SMALLEST_GROUP_BITS: Final = 2048
POLL_S: Final = 0.5
FULL_S: Final = 0.8
FIRST_PAUSE_S: Final = 0.01
KEXINIT: Final = 20
DATA, EXTENDED_DATA = 94, 95  # RFC 4254 section 9

# paramiko logs at ERROR what it also raises.
logging.getLogger(SSH_LOG).setLevel(logging.CRITICAL)


class GuardedTransport(paramiko.Transport):
    """Watches itself: while `working`, a link that falls silent is asked for a sign of life and then given up."""

    def __init__(self, sock: Any, algorithms: Algorithms) -> None:
        super().__init__(sock, disabled_algorithms=disabled(algorithms), packetizer_class=_Packetizer)
        self.set_log_channel(SSH_LOG)
        self.get_security_options().ciphers = algorithms.chosen("ciphers")
        self.link: Link = self.packetizer.link  # type: ignore[attr-defined]
        self.link.on_wait = self._watch
        self.channels_seen = _SeenChannels()  # type: ignore[assignment]
        self.parting = ""
        self._works = 0
        self._since = self.link.heard
        self._asked_at: float | None = None
        self._sign_wanted = False
        self._counting = threading.Lock()
        self._proven_key: bytes | None = None

    @contextmanager
    def working(self) -> Iterator[None]:
        """Within this block the host owes an answer, so that silence means something."""
        with self._counting:
            if self._works == 0 and self.link.heard >= self._since:
                self._since = time.monotonic()  # or else it still owes the last answer
            self._works += 1
        try:
            yield
        finally:
            with self._counting:
                self._works -= 1

    def session(self, timeout_s: float, *, on_full: Callable[[], None] | None = None) -> paramiko.Channel:
        """A fresh session channel; raises ChannelException where the host opens no more (MaxSessions).

        sshd still counts one whose command has just ended, so that is not believed at once.
        """
        deadline = time.monotonic() + timeout_s
        full_by, pause_s = min(deadline, time.monotonic() + FULL_S), FIRST_PAUSE_S
        while True:
            try:
                return self.open_session(timeout=max(0.01, deadline - time.monotonic()))
            except paramiko.ChannelException:
                if on_full is not None:
                    on_full()
                if time.monotonic() + pause_s >= full_by:
                    raise
                time.sleep(pause_s)
                pause_s *= 2

    def heard_since(self, moment: float) -> bool:
        """Whether anything came after a moment of the monotonic clock."""
        return self.link.heard > moment

    def want_sign(self) -> None:
        """Has the host asked for a sign of life soon, by the thread that reads: a write might have to wait."""
        self._sign_wanted = True

    def why_lost(self) -> str:
        """Why it ended, as far as that is known, for an error message."""
        if self.parting:
            return f"the host ended it: {self.parting}"
        error = self.saved_exception
        if error is None:
            return ""
        # paramiko's plain end of file has no text, and is all that tells of an sshd that was ended.
        return clean(str(error)) or ("it hung up" if isinstance(error, EOFError) else type(error).__name__)

    def rest(self) -> None:
        """Wakes up less often from now on, as one of many connections that wait."""
        self.sock.settimeout(POLL_S)

    def _watch(self) -> None:
        now, heard = time.monotonic(), self.link.heard
        if self._asked_at is not None and heard <= self._asked_at:
            if now - self._asked_at >= links.ANSWER_S:
                silent_s = now - max(self._since, heard)
                raise SilentError(f"it does not answer any more (nothing heard for {silent_s:.0f} s)")
            return
        self._asked_at = None
        if self._sign_wanted or (self._works and now - max(self._since, heard) >= links.QUIET_S):
            self._sign_wanted = False
            self._asked_at = now
            self._ask()

    def _ask(self) -> None:
        """Makes the host say something; sshd answers although it does not know the request."""
        if self.in_kex or not self.is_active():
            return
        request = Message()
        request.add_byte(cMSG_GLOBAL_REQUEST)
        request.add_string("keepalive@openssh.com")
        request.add_boolean(True)
        with suppress(OSError, EOFError, paramiko.SSHException):
            self._send_message(request)  # type: ignore[attr-defined]

    def _verify_key(self, host_key: bytes, sig: bytes) -> None:
        group = getattr(self.kex_engine, "p", None)
        if group is not None and group.bit_length() < SMALLEST_GROUP_BITS:
            raise paramiko.SSHException(f"it wants to agree on keys with {group.bit_length()} bits only")
        super()._verify_key(host_key, sig)  # type: ignore[misc]
        if self._proven_key not in (None, host_key):
            raise paramiko.SSHException("it showed another host key when the keys were renewed")
        self._proven_key = host_key

    def _parse_newkeys(self, message: Message) -> None:
        super()._parse_newkeys(message)  # type: ignore[misc]
        self.link.end_early()

    def _parse_channel_open_success(self, message: Message) -> None:
        number, theirs = message.get_int(), message.get_int()
        if self._channels.get(number) is None:  # type: ignore[attr-defined]
            # Nobody waits for it any more, and the host would keep it open and count it (MaxSessions).
            refusal = Message()
            refusal.add_byte(cMSG_CHANNEL_CLOSE)
            refusal.add_int(theirs)
            self._send_message(refusal)  # type: ignore[attr-defined]
            return
        message.rewind()
        super()._parse_channel_open_success(message)  # type: ignore[misc]

    def _parse_disconnect(self, message: Message) -> None:
        message.get_int()
        self.parting = clean(message.get_binary()) or "it gave no reason"

    def _parse_ext_info(self, message: Message) -> None:
        """paramiko believes the count it is told, which may be four thousand million."""
        count = min(message.get_int(), EXTENSIONS)
        self.server_extensions = {
            message.get_binary().decode("ascii", "replace"): message.get_binary() for _ in range(count)
        }

    _channel_handler_table = {  # noqa: RUF012
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
        DATA: lambda channel, message: _feed_within(channel._feed, channel, message),
        EXTENDED_DATA: lambda channel, message: _feed_within(channel._feed_extended, channel, message),
    }


class _Packetizer(Packetizer):
    def __init__(self, sock: Any) -> None:
        self.link = Link(sock)
        self._pace = Pace()
        super().__init__(self.link)  # type: ignore[arg-type]

    def start_handshake(self, timeout: float) -> None:
        """Our own deadline ends the handshake; paramiko's timer would be a thread that outlives a failed one."""

    def read_all(self, n: int, check_rekey: bool = False) -> bytes:
        if not 0 <= n <= PACKET_BYTES:
            raise paramiko.SSHException(f"it announces a packet of {n} bytes")
        return super().read_all(n, check_rekey)

    def read_message(self) -> tuple[int, Message]:
        kind, message = super().read_message()
        self._pace.take(len(message.asbytes()), cost=REKEY_COST if kind == KEXINIT else 0.0)
        return kind, message


class _SeenChannels:
    """The numbers of all channels so far; paramiko would keep an entry for each one for good."""

    def __init__(self) -> None:
        self._highest = -1

    def __setitem__(self, number: int, _: bool) -> None:
        self._highest = max(self._highest, number)

    def __contains__(self, number: int) -> bool:
        return number <= self._highest


def _feed_within(feed: Callable[[Message], None], channel: paramiko.Channel, message: Message) -> None:
    """Takes a channel's data and raises SSHException when it is more than the host was allowed to send."""
    feed(message)
    waiting = len(channel.in_buffer) + len(channel.in_stderr_buffer)
    if waiting > channel.in_window_size:
        raise paramiko.SSHException("it sends more than it is allowed to")
