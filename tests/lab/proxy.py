"""A TCP proxy in a thread, to make the way to a host slow, silent or broken."""

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Self

Pieces = asyncio.Queue[tuple[float, bytes]]
RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Forwards `port` of its addresses to `target`; what comes in leaves `latency_s` later, in each direction."""

    address = "127.0.0.1"

    def __init__(
        self, target: tuple[str, int], *, latency_s: float = 0.0, addresses: Sequence[str] = (address,)
    ) -> None:
        self._target = target
        self._addresses = addresses
        self._latency_s = latency_s
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lab-proxy", daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cut(self) -> None:
        """From now on nothing passes; connections stay open, new ones are accepted and met with silence."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def mend(self) -> None:
        """What was held back flows again."""
        self._loop.call_soon_threadsafe(self._flows.set)

    def reset(self) -> None:
        """Breaks every open connection with a TCP reset; new ones are served."""
        self._call(self._reset())

    def _call(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        self._flows.set()
        first, *others = self._addresses
        self._servers = [await asyncio.start_server(self._serve, first, 0)]
        self.port = self._servers[0].sockets[0].getsockname()[1]
        self._servers += [await asyncio.start_server(self._serve, other, self.port) for other in others]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self._keep(asyncio.current_task())
        await self._flows.wait()
        try:
            far_reader, far_writer = await asyncio.open_connection(*self._target)
        except OSError:
            _abort(writer)
            return
        self._writers.add(far_writer)
        _no_delay(writer)
        _no_delay(far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            self._keep(self._loop.create_task(self._pump(source, sink)))

    def _keep(self, task: asyncio.Task[None] | None) -> None:
        """The loop itself holds tasks weakly."""
        assert task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Hands each piece over at its own time, so that the delay does not limit the rate."""
        pieces: Pieces = asyncio.Queue(maxsize=256)
        self._keep(self._loop.create_task(self._deliver(pieces, sink)))
        with suppress(OSError):
            while piece := await source.read(65536):
                await pieces.put((self._loop.time() + self._latency_s, piece))
        await pieces.put((self._loop.time() + self._latency_s, b""))

    async def _deliver(self, pieces: Pieces, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError, RuntimeError):
            while True:
                due, piece = await pieces.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._flows.wait()
                if not piece:
                    sink.write_eof()
                    return
                sink.write(piece)
                await sink.drain()

    async def _reset(self) -> None:
        for writer in self._writers:
            _abort(writer)
        self._writers.clear()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        await self._reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _abort(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


def _no_delay(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
