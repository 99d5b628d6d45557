"""waitress in front of the application, with limits that hostile clients cannot exceed."""

import errno
import logging
import resource
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any, Final

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer
from waitress.task import ThreadedTaskDispatcher

from ozwald.api.access import is_authorized
from ozwald.api.channel import Channel
from ozwald.api.crowd import Crowd
from ozwald.api.strict_json import MOST_BYTES
from ozwald.api.waiting import WaitingRoom
from ozwald.errors import RequestError

log = logging.getLogger(__name__)

THREADS: Final = 8
CONNECTIONS: Final = 4096
CONNECTIONS_PER_ADDRESS: Final = 1024
OPEN_FILES: Final = 16_384
# The rest of the controller: hosts, Redis, logs.
OTHER_FILES: Final = 512
ACCEPTED_AT_ONCE: Final = 64
LOOK_EVERY_S: Final = 1.0
# Nobody is accepted for that long once no file is left.
WITHOUT_FILES_S: Final = 0.5
STOP_S: Final = 5.0
SOCKET_OPTIONS: Final = [
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.SOL_SOCKET, socket.SO_SNDBUF, 256 * 1024),
]


class ApiServer:
    """A server that listens once it is made; `run` serves until `stop`.

    `key` is what a client has to show before it may send a body. Port 0 means any; `port` says which it became.
    Calls in `waiting` take no worker away.
    """

    def __init__(
        self,
        app: Callable[..., Any],
        *,
        host: str,
        port: int,
        key: bytes,
        most_per_address: int = CONNECTIONS_PER_ADDRESS,
        waiting: WaitingRoom | None = None,
    ) -> None:
        self._map: dict[int, Any] = {}
        self._workers = ThreadedTaskDispatcher()
        self._stopping, self._ended = threading.Event(), threading.Event()
        crowd: Crowd[Channel] = Crowd(most=_connections(raised_open_files()), most_per_address=most_per_address)
        self._crowd = crowd
        may_send_body = partial(is_authorized, key=key)
        try:
            settings = _settings(host, port)
            self._listeners = [
                _Listener(app, self._map, self._workers, settings, sockinfo, crowd=crowd, may_send_body=may_send_body)
                for sockinfo in settings.listen
            ]
        except (OSError, ValueError) as err:
            reason = err.strerror if isinstance(err, OSError) else err
            raise RequestError(f"cannot listen on {host}:{port}: {reason}; choose another with --listen") from err
        self.port = int(self._listeners[0].effective_port)
        self._workers.set_thread_count(THREADS)
        self._waiting = waiting or WaitingRoom()
        self._waiting.on_change = lambda taken: self._workers.set_thread_count(THREADS + taken)

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._crowd)

    def run(self) -> None:
        """Serves until it is stopped; answers in the making then still go out."""
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        while not self._stopping.is_set():
            self._turn()
        for listener in self._listeners:
            wasyncore.dispatcher.close(listener)
        over = time.monotonic() + STOP_S
        while self._owes_answers() and time.monotonic() < over:
            self._turn(0.1)
        self._waiting.on_change = lambda taken: None
        self._workers.shutdown(timeout=1)
        for listener in self._listeners:
            listener.end_waking()
        wasyncore.close_all(self._map)
        self._ended.set()

    def stop(self) -> None:
        """Ends `run`, from another thread, and returns when it has ended."""
        self._stopping.set()
        self._listeners[0].pull_trigger()
        self._ended.wait(2 * STOP_S)

    def _turn(self, timeout_s: float = LOOK_EVERY_S) -> None:
        wasyncore.loop(timeout=timeout_s, use_poll=True, map=self._map, count=1)

    def _owes_answers(self) -> bool:
        channels = [one for one in self._map.values() if isinstance(one, Channel)]
        return any(one.is_busy or one.total_outbufs_len for one in channels)


class _Listener(TcpWSGIServer):
    """waitress's server, which stops accepting at its limit: this one makes room instead."""

    channel_class = Channel
    # What waitress's type stubs leave out.
    effective_port: str
    active_channels: Any
    _map: Any

    def __init__(
        self,
        app: Callable[..., Any],
        sockets: dict[int, Any],
        workers: ThreadedTaskDispatcher,
        settings: Adjustments,
        sockinfo: Any,
        *,
        crowd: Crowd[Channel],
        may_send_body: Callable[[str | None], bool],
    ) -> None:
        self.crowd = crowd
        self.may_send_body = may_send_body
        self._next_look = self._accepts_at = 0.0
        self._waking, self._is_over = threading.Lock(), False
        super().__init__(app, sockets, dispatcher=workers, adj=settings, sockinfo=sockinfo)

    def readable(self) -> bool:
        """Called before each turn of the loop, when no event is in hand: only then is it safe to close others."""
        for channel in self.crowd.too_many():
            channel.handle_close()
        now = time.monotonic()
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY_S
            for channel in list(self.active_channels.values()):
                channel.check_deadline(now)
        return bool(self.accepting) and now >= self._accepts_at

    def pull_trigger(self) -> None:
        """Wakes the loop, from any thread; one that is late does not write to a file that is another's by now."""
        with self._waking:
            if not self._is_over:
                super().pull_trigger()

    def end_waking(self) -> None:
        """Lets nobody wake the loop any more: what wakes it may be closed now."""
        with self._waking:
            self._is_over = True

    def handle_accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            if not self._accept_one():
                return

    def _accept_one(self) -> bool:
        try:
            accepted = self.accept()
        except OSError as err:
            if err.errno in (errno.EMFILE, errno.ENFILE):
                log.error("no connection can be accepted: %s", err.strerror)
                # It stays to be accepted, and would keep the loop spinning.
                self._accepts_at = time.monotonic() + WITHOUT_FILES_S
            return False
        if accepted is None:
            return False
        client, address = accepted
        try:
            self.set_socket_options(client)
            Channel(self, client, self.fix_addr(address), self.adj, map=self._map)
        except OSError:
            client.close()
        return True


def raised_open_files() -> int:
    """Raises this process's limit of open files as far as is allowed and useful, and returns it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return OPEN_FILES if soft == resource.RLIM_INFINITY else soft


def _connections(open_files: int) -> int:
    """How many there may be: each may need a second file for an answer that its client is slow to read."""
    return max(64, min(CONNECTIONS, (open_files - OTHER_FILES) // 2))


def _settings(host: str, port: int) -> Adjustments:
    settings = Adjustments(
        host=host,
        port=port,
        backlog=CONNECTIONS,
        max_request_body_size=MOST_BYTES,
        max_request_header_size=16 * 1024,
        inbuf_overflow=64 * 1024,
        outbuf_overflow=64 * 1024,
        asyncore_use_poll=True,
        ident="",
        clear_untrusted_proxy_headers=True,
    )
    settings.socket_options = SOCKET_OPTIONS
    return settings
