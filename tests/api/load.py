"""Many clients at once: slow ones that hold what they can, and honest ones that ask at a steady rate."""

import asyncio
import contextlib
import itertools
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.api.calling import KEY

HOST = b"Host: localhost\r\n"
TOKEN = f"Authorization: Bearer {KEY}\r\n".encode()
HEALTH = b"GET /health HTTP/1.1\r\n" + HOST + b"\r\n"
ONE = b"GET /srv/services/active/s100/ HTTP/1.1\r\n" + HOST + TOKEN + b"\r\n"
LIST = b"GET /srv/services/active/ HTTP/1.1\r\n" + HOST + TOKEN + b"\r\n"

# What each kind of slow client sends first, and what it sends a byte of now and then.
SLOW = {
    "idle": (b"", b""),
    "slow headers": (b"GET /health HTTP/1.1\r\nX: ", b"x"),
    "slow body": (b"POST /srv/services/update HTTP/1.1\r\n" + HOST + TOKEN + b"Content-Length: 1000\r\n\r\n", b" "),
    "never reading": (LIST * 60, b""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What honest clients saw: how long each answer took, in seconds, and how often each status came."""

    seconds: tuple[float, ...]
    statuses: dict[int, int]

    @property
    def p99_s(self) -> float:
        return statistics.quantiles(self.seconds, n=100)[98]


@contextlib.contextmanager
def standing(folder: Path, *, services: int) -> Iterator[int]:
    """A server in a process of its own that has this many services; gives its port."""
    words = [sys.executable, "-m", "tests.api.stand", str(folder), str(services)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


@contextlib.contextmanager
def slow_clients(port: int, count: int) -> Iterator[None]:
    """This many connections of all kinds in turn, from addresses of their own for every 500."""
    with contextlib.ExitStack() as stack:
        dripping: list[tuple[socket.socket, bytes]] = []
        for number, (first, drop) in zip(range(count), itertools.cycle(SLOW.values()), strict=False):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.bind((f"127.0.0.{2 + number // 500}", 0))
            client.connect(("127.0.0.1", port))
            client.setblocking(False)
            if first:
                client.send(first)
            if drop:
                dripping.append((client, drop))
        stack.enter_context(_dripping(dripping))
        yield


@contextlib.contextmanager
def _dripping(clients: Sequence[tuple[socket.socket, bytes]]) -> Iterator[None]:
    """Each sends its byte once in five seconds or so, all the time."""
    over = threading.Event()

    def drip() -> None:
        while not over.wait(0.05):
            for client, drop in random.sample(clients, len(clients) // 100):
                with contextlib.suppress(OSError):
                    client.send(drop)

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def reads(port: int, *, requests: Sequence[bytes], connections: int, rate: float, seconds: float) -> Outcome:
    """Asks on open connections at a steady rate, whether or not the answers keep up.

    An answer's time counts from when the request was due, so that waiting in line is seen.
    """
    return asyncio.run(_reads(port, requests, connections, rate, seconds))


async def _reads(port: int, requests: Sequence[bytes], connections: int, rate: float, seconds: float) -> Outcome:
    outcomes: list[tuple[float, int]] = []
    streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(connections)]
    begin = time.perf_counter() + 0.2
    each = max(1, round(rate * seconds / connections))
    clients = [
        _client(stream, requests, outcomes, begin + number / rate, connections / rate, each)
        for number, stream in enumerate(streams)
    ]
    await asyncio.gather(*clients)
    for _, writer in streams:
        writer.close()
    statuses = [status for _, status in outcomes]
    return Outcome(
        seconds=tuple(taken for taken, _ in outcomes),
        statuses={status: statuses.count(status) for status in set(statuses)},
    )


async def _client(
    stream: tuple[asyncio.StreamReader, asyncio.StreamWriter],
    requests: Sequence[bytes],
    outcomes: list[tuple[float, int]],
    begin: float,
    every_s: float,
    count: int,
) -> None:
    reader, writer = stream
    tag = b""
    for number in range(count):
        due = begin + number * every_s
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        request = requests[number % len(requests)]
        writer.write(request[:-2] + (b"If-None-Match: " + tag + b"\r\n\r\n" if tag and request is LIST else b"\r\n"))
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        if status != 304:
            await reader.readexactly(int(_header(head, b"content-length: ", b"0")))
        if request is LIST:
            tag = _header(head, b"etag: ", b"")
        outcomes.append((time.perf_counter() - due, status))


def _header(head: bytes, name: bytes, default: bytes) -> bytes:
    lines = (line for line in head.split(b"\r\n") if line.lower().startswith(name))
    return next(lines, name + default)[len(name) :]
