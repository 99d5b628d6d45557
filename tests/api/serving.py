"""A real server on a port of its own, and raw sockets to it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ozwald.api.server import ApiServer
from tests.api.calling import KEY, Api

DEADLINE_S = 20.0
TOKEN = f"Authorization: Bearer {KEY}\r\n".encode()


class Served:
    """A server with the application of the tests."""

    def __init__(self, api: Api, server: ApiServer) -> None:
        self.api = api
        self.server = server
        self.port = server.port

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=DEADLINE_S)

    def exchange(self, request: bytes) -> bytes:
        """Sends bytes, says that no more comes, and returns all that comes back."""
        with self.connect() as client:
            try:
                client.sendall(request)
                client.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return read_all(client)


def read_all(client: socket.socket) -> bytes:
    """All that is sent until the other side hangs up; raises TimeoutError when it does not."""
    found = b""
    while True:
        try:
            part = client.recv(65536)
        except ConnectionResetError:
            return found
        if not part:
            return found
        found += part


def read_answer(client: socket.socket) -> bytes:
    """One answer of a connection that stays open, and nothing of the next."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        part = client.recv(1)
        if not part:
            return head
        head += part
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    body = bytearray()
    while len(body) < length and (part := client.recv(length - len(body))):
        body += part
    return head + bytes(body)


@contextmanager
def served(folder: Path, **limits: int) -> Iterator[Served]:
    """Serves until the end of the block."""
    api = Api(folder / "home")
    server = ApiServer(api.app, host="127.0.0.1", port=0, key=KEY.encode(), waiting=api.site.waiting, **limits)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield Served(api, server)
    finally:
        server.stop()
        thread.join(5)
        assert not thread.is_alive()
