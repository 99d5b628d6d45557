"""A tiny engine on a unix socket that answers as a test says, down to the byte."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

Answer = Callable[[str, bytes], bytes | Iterator[bytes] | None]
FIRST_QUESTION = "GET /v1.44/_ping"


def json_answer(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def introduction(api_version: str, *, takes_ours: bool = False) -> bytes:
    """What an engine answers to the question which API it speaks."""
    status = "200 OK" if takes_ours else "400 Bad Request"
    return json_answer(b'{"message": "client version 1.44 is too new"}', f"{status}\r\nApi-Version: {api_version}")


@contextmanager
def serving(path: Path, answer: Answer, *, first: bytes | None = None) -> Iterator[list[str]]:
    """Answers each request line and body with `answer`; None hangs up. Yields the request lines so far.

    `first` is how the engine introduces itself: as 1.41 where it is not given.
    """
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    seen: list[str] = []
    whole = _introduced(answer, first or introduction("1.41"))
    peers: list[socket.socket] = []
    accepting = threading.Thread(target=_accept, args=(listener, whole, seen, peers), daemon=True)
    accepting.start()
    try:
        yield seen
    finally:
        for one in (listener, *peers):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)  # close() alone would wake nobody
        accepting.join()
        listener.close()


def _introduced(answer: Answer, first: bytes) -> Answer:
    return lambda line, body: first if line == FIRST_QUESTION else answer(line, body)


def _accept(listener: socket.socket, answer: Answer, seen: list[str], peers: list[socket.socket]) -> None:
    while True:
        try:
            peer, _ = listener.accept()
        except OSError:
            return
        peers.append(peer)
        threading.Thread(target=_converse, args=(peer, answer, seen), daemon=True).start()


def _converse(peer: socket.socket, answer: Answer, seen: list[str]) -> None:
    with suppress(OSError), peer, peer.makefile("rb") as reader:
        while request := _request(reader):
            line, body = request
            seen.append(line)
            reply = answer(line, body)
            if reply is None:
                return
            for piece in [reply] if isinstance(reply, bytes) else reply:
                peer.sendall(piece)


def _request(reader: BinaryIO) -> tuple[str, bytes] | None:
    line = reader.readline().decode().strip()
    length = 0
    while header := reader.readline().strip():
        if header.lower().startswith(b"content-length:"):
            length = int(header.split(b":")[1])
    return (line.removesuffix(" HTTP/1.1"), reader.read(length)) if line else None
