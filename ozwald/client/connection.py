# SPDX-License-Identifier: Apache-2.0
"""Connections to one server, kept open between calls and shared by threads."""

import http.client
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from ozwald.client.errors import NoAnswer

MOST_BYTES = 64 * 1024 * 1024
# The server hangs up after 60 s without a request.
KEPT_S = 30.0
MOST_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Connections:
    """Sends requests, each on a connection that no other thread uses meanwhile."""

    def __init__(self, url: str, *, timeout_s: float, connect: Callable[[], socket.socket] | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is no address of an API; it has the form http://HOST:PORT")
        self._is_secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        self._prefix = parts.path.rstrip("/")
        self._timeout_s = timeout_s
        self._connect = connect
        self._lock = threading.Lock()
        self._kept: list[tuple[http.client.HTTPConnection, float]] = []
        self.url = url.rstrip("/")

    def send(
        self, method: str, path: str, content: bytes | None, headers: Mapping[str, str], *, more_s: float = 0.0
    ) -> Reply:
        """Sends one request; each wait for bytes ends after the timeout and `more_s` seconds.

        A GET that finds its kept connection closed is sent again on a new one, once. Nothing else is: whether it was
        done is not known then.

        Raises:
            NoAnswer: there was no whole answer.
        """
        kept = self._take()
        if kept is not None:
            try:
                return self._send_on(kept, method, path, content, headers, more_s)
            except (ConnectionError, http.client.BadStatusLine) as err:
                if method != "GET":
                    raise self._no_answer(err) from err
            except (OSError, http.client.HTTPException) as err:
                raise self._no_answer(err) from err
        try:
            return self._send_on(self._new(), method, path, content, headers, more_s)
        except (OSError, http.client.HTTPException) as err:
            raise self._no_answer(err) from err

    def close(self) -> None:
        """Closes the connections that are kept."""
        with self._lock:
            kept, self._kept = self._kept, []
        for connection, _ in kept:
            connection.close()

    def _send_on(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        content: bytes | None,
        headers: Mapping[str, str],
        more_s: float,
    ) -> Reply:
        try:
            _give_time(connection, self._timeout_s + more_s)
            connection.request(method, self._prefix + path, content, dict(headers))
            answer = connection.getresponse()
            found = answer.read(MOST_BYTES + 1)
        except BaseException:
            connection.close()
            raise
        is_whole = len(found) <= MOST_BYTES and answer.isclosed()
        if answer.will_close or not is_whole:
            connection.close()
        else:
            self._keep(connection)
        if not is_whole:
            raise NoAnswer(f"{self.url} answers with more than {MOST_BYTES} bytes")
        given = {name.lower(): value for name, value in answer.getheaders()}
        return Reply(status=answer.status, headers=given, content=found)

    def _take(self) -> http.client.HTTPConnection | None:
        """The connection that was used last, if it is still good."""
        while True:
            with self._lock:
                if not self._kept:
                    return None
                connection, since = self._kept.pop()
            if time.monotonic() - since < KEPT_S and _is_silent(connection):
                return connection
            connection.close()

    def _keep(self, connection: http.client.HTTPConnection) -> None:
        with self._lock:
            if len(self._kept) < MOST_KEPT:
                self._kept.append((connection, time.monotonic()))
                return
        connection.close()

    def _new(self) -> http.client.HTTPConnection:
        if self._is_secure:
            return http.client.HTTPSConnection(self._host, self._port, context=ssl.create_default_context())
        connection = http.client.HTTPConnection(self._host, self._port)
        if self._connect is not None:
            connection.sock = self._connect()
        return connection

    def _no_answer(self, err: Exception) -> NoAnswer:
        return NoAnswer(f"no provisioner answers at {self.url}: {err or type(err).__name__}")


def _give_time(connection: http.client.HTTPConnection, seconds: float) -> None:
    connection.timeout = seconds
    if connection.sock is not None:
        connection.sock.settimeout(seconds)


def _is_silent(connection: http.client.HTTPConnection) -> bool:
    """Whether nothing has come on it since the last answer: what comes then is its end."""
    if connection.sock is None:
        return False
    with selectors.DefaultSelector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        return not selector.select(0)
