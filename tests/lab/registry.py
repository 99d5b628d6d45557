"""A small image registry that listens inside a host, with layers as slow and as broken as a test wants them.

Answers as much of the OCI distribution specification as a pull asks for. Docker trusts 127.0.0.0/8 without TLS.
"""

import ctypes
import gzip
import hashlib
import io
import json
import os
import socket
import tarfile
import threading
import time
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.lab.host import Host
from tests.lab.images import machine_architecture

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
CLONE_NEWNET = 0x40000000
PIECE = 64 * 1024


class Registry:
    """`bytes_per_s` paces every layer, None not at all; the next `break_offs` layers end half-way.

    `reference(name)` is what a host pulls; `sent_bytes` counts what went out of layers.
    """

    def __init__(self, host: Host, *, bytes_per_s: float | None = None) -> None:
        self.bytes_per_s = bytes_per_s
        self.break_offs = 0
        self.sent_bytes = 0
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self._server = _Server(_socket_inside(host), self)
        self._thread = threading.Thread(target=self._server.serve_forever, name="lab-registry", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def reference(self, name: str) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}/{name}"

    def push(self, name: str, layers: Sequence[bytes], *, command: Sequence[str] = ("/none",)) -> str:
        """Keeps an image of these layers (tar files) and returns its digest; `name` is `path:tag`."""
        description = {
            "architecture": machine_architecture(),
            "os": "linux",
            "config": {"Cmd": list(command)},
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer) for layer in layers]},
        }
        config = json.dumps(description).encode()
        packed = [gzip.compress(layer, compresslevel=1, mtime=0) for layer in layers]
        manifest = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self._keep(config, CONFIG),
            "layers": [self._keep(layer, LAYER) for layer in packed],
        }
        text = json.dumps(manifest).encode()
        self.manifests[name] = self.manifests[f"{name.rpartition(':')[0]}:{_digest(text)}"] = text
        return _digest(text)

    def _keep(self, blob: bytes, kind: str) -> dict[str, object]:
        self.blobs[_digest(blob)] = blob
        return {"mediaType": kind, "size": len(blob), "digest": _digest(blob)}


def layer(name: str, size: int) -> bytes:
    """A layer with one file of random bytes, which do not shrink."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(name)
        entry.size = size
        tar.addfile(entry, io.BytesIO(os.urandom(size)))
    return out.getvalue()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listening: socket.socket, registry: Registry) -> None:
        super().__init__(listening.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listening
        self.server_address = listening.getsockname()
        self.registry = registry

    def handle_error(self, request: object, client_address: object) -> None:
        """A host that gives up a pull is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        registry, (_, *path) = self.server.registry, self.path.split("/")
        if path == ["v2", ""]:
            return self._answer(200, b"{}", "application/json")
        kind, reference, name = path[-2], path[-1], "/".join(path[1:-2])
        if kind == "manifests" and f"{name}:{reference}" in registry.manifests:
            manifest = registry.manifests[f"{name}:{reference}"]
            return self._answer(200, manifest, MANIFEST, {"Docker-Content-Digest": _digest(manifest)})
        if kind == "blobs" and reference in registry.blobs:
            return self._blob(registry.blobs[reference])
        code = "MANIFEST_UNKNOWN" if kind == "manifests" else "BLOB_UNKNOWN"
        errors = {"errors": [{"code": code, "message": f"{reference} is unknown"}]}
        return self._answer(404, json.dumps(errors).encode(), "application/json")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _blob(self, blob: bytes) -> None:
        begin = int((self.headers.get("Range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        part = blob[begin:]
        ranges = {"Content-Range": f"bytes {begin}-{len(blob) - 1}/{len(blob)}"} if begin else {}
        self._head(206 if begin else 200, len(part), "application/octet-stream", ranges)
        if self.command == "GET":
            self._send_slowly(part)

    def _send_slowly(self, content: bytes) -> None:
        registry = self.server.registry
        breaks = len(content) > PIECE and registry.break_offs > 0
        registry.break_offs -= breaks
        for start in range(0, len(content) // 2 if breaks else len(content), PIECE):
            piece = content[start : start + PIECE]
            self.wfile.write(piece)
            registry.sent_bytes += len(piece)
            if registry.bytes_per_s:
                time.sleep(len(piece) / registry.bytes_per_s)
        self.close_connection |= breaks

    def _answer(self, status: int, content: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self._head(status, len(content), kind, headers or {})
        if self.command == "GET":
            self.wfile.write(content)

    def _head(self, status: int, size: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Type": kind, "Content-Length": str(size), **headers}.items():
            self.send_header(key, value)
        self.end_headers()


def _socket_inside(host: Host) -> socket.socket:
    """A listening socket in the host's network namespace: one stays where it was made, whoever uses it."""
    made: list[Any] = []

    def make() -> None:
        namespace = os.open(f"/proc/{host.init.pid}/ns/net", os.O_RDONLY)
        try:
            if ctypes.CDLL(None, use_errno=True).setns(namespace, CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "setns")
            made.append(socket.create_server(("127.0.0.1", 0)))
        finally:
            os.close(namespace)

    maker = threading.Thread(target=make, name="lab-registry-socket")  # only this thread changes its namespace
    maker.start()
    maker.join()
    listening: socket.socket = made[0]
    return listening


def _digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
