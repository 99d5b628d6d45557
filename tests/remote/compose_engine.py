"""An engine that writes down the containers Compose makes, and makes none."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.remote.unix_http import serving

Body = dict[str, Any]


@contextmanager
def recording(socket: Path) -> Iterator[dict[str, Body]]:
    """Yields the bodies of the containers made so far, by their names."""
    engine = _Engine()
    with serving(socket, engine.answer):
        yield engine.created


class _Engine:
    def __init__(self) -> None:
        self.created: dict[str, Body] = {}
        self.named: dict[str, Body] = {}

    def answer(self, line: str, body: bytes) -> bytes:
        method, _, path = line.partition(" ")
        path = re.sub(r"^/v[0-9.]+", "", path)
        if method == "HEAD":
            return _answer(None)
        return self._make(path, json.loads(body or b"{}")) if method == "POST" else self._tell(path)

    def _make(self, path: str, body: Body) -> bytes:
        name = body.get("Name") or re.sub(r".*[?&]name=([^&]*).*", r"\1", path)
        if path.startswith("/containers/create"):
            self.created[name] = body
        else:
            self.named[name] = self.named[f"{name}-id"] = {"Id": f"{name}-id", **body}
        return _answer({"Id": f"{name}-id", "Name": name}, status="201 Created")

    def _tell(self, path: str) -> bytes:
        kind, _, name = path.partition("?")[0].strip("/").partition("/")
        if kind == "version":
            return _answer({"ApiVersion": "1.47", "Version": "27.0.0", "Os": "linux"})
        if kind == "images":
            return _answer({"Id": "sha256:" + "a" * 64, "Config": {}, "Os": "linux", "Architecture": "amd64"})
        if kind == "containers":
            empty: Body = {"Config": {}, "HostConfig": {}, "State": {}, "NetworkSettings": {}}
            return _answer([] if name == "json" else {"Id": name, "Name": "/x", **empty})
        if name:
            return _answer(self.named[name]) if name in self.named else _answer({"message": "none"}, status="404 No")
        return _answer(list(self.named.values()) if kind == "networks" else {})


def _answer(body: Any, *, status: str = "200 OK") -> bytes:
    content = b"" if body is None else json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nApi-Version: 1.47\r\nOstype: linux\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content
