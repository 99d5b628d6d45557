# SPDX-License-Identifier: Apache-2.0
"""A client of one provisioner's HTTP API, on the standard library alone."""

import http.client
import json
import ssl
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from ozwald.client.errors import ApiError, NoAnswer

DEFAULT_URL = "http://127.0.0.1:8000"
MOST_BYTES = 64 * 1024 * 1024


class Client:
    """Calls one provisioner. May be used by several threads: each call has a connection of its own.

    `key` is the provisioner's OZWALD_SYSTEM_KEY; `timeout_s` bounds each wait for bytes.
    """

    def __init__(self, url: str = DEFAULT_URL, *, key: str = "", timeout_s: float = 10.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{url!r} is no address of an API; it has the form http://HOST:PORT")
        self.url = url.rstrip("/")
        self._parts = parts
        self._key = key
        self._timeout_s = timeout_s

    def health(self) -> dict[str, Any]:
        """`{"status": "healthy"}`, or what is wrong; raises NoAnswer."""
        _, document = self._call("GET", "/health", accept=(200, 503))
        return dict(document)

    def configured(self) -> list[dict[str, Any]]:
        """Every service definition."""
        return list(self._call("GET", "/srv/services/configured/")[1])

    def active(self) -> list[dict[str, Any]]:
        """Every active service."""
        return list(self._call("GET", "/srv/services/active/")[1])

    def generation(self) -> int:
        """The generation of the wanted set that the last pass worked on."""
        headers, _ = self._call("GET", "/srv/services/active/")
        return int(headers.get("X-Ozwald-Generation", 0))

    def update(self, wanted: Sequence[Mapping[str, str | None]], *, expected: int | None = None) -> int:
        """Asks for exactly these instances and returns the generation, which is durable by then.

        `expected` is the generation that the caller knows; another one is refused with status 409.

        Raises:
            ApiError: it was refused.
            NoAnswer: nobody answered, or the answer was lost.
        """
        headers = {} if expected is None else {"If-Match": str(expected)}
        _, document = self._call("POST", "/srv/services/active/update/", body=list(wanted), headers=headers)
        return int(document["generation"])

    def resources(self, hosts: str | None = None) -> list[dict[str, Any]]:
        """The hosts' facts, with their age; `hosts` is a pattern."""
        query = f"?{urlencode({'host': hosts})}" if hosts else ""
        return list(self._call("GET", f"/srv/host/resources{query}")[1])

    def one_active(self, name: str) -> dict[str, Any]:
        """One active service by `[REALM:]NAME`."""
        return dict(self._call("GET", f"/srv/services/active/{quote(name, safe='')}/")[1])

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        accept: Sequence[int] = (200, 202),
    ) -> tuple[Mapping[str, str], Any]:
        connection = self._connection()
        content = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, self._parts.path.rstrip("/") + path, content, self._headers(content, headers))
            answer = connection.getresponse()
            text = answer.read(MOST_BYTES + 1)
        except (OSError, http.client.HTTPException) as err:
            raise NoAnswer(f"no provisioner answers at {self.url}: {err}") from err
        finally:
            connection.close()
        document = _document(text)
        if answer.status not in accept:
            detail = document.get("detail") if isinstance(document, dict) else None
            raise ApiError(answer.status, str(detail or f"{self.url} answered {answer.status}"))
        return dict(answer.getheaders()), document

    def _connection(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=self._timeout_s, context=context)
        return http.client.HTTPConnection(host, port, timeout=self._timeout_s)

    def _headers(self, content: bytes | None, more: Mapping[str, str] | None) -> dict[str, str]:
        found = {"Accept": "application/json", **(more or {})}
        if self._key:
            found["Authorization"] = f"Bearer {self._key}"
        if content is not None:
            found["Content-Type"] = "application/json"
        return found


def _document(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None
