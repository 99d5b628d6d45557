"""A command in a running container: one pipe to the engine that both sides write to."""

import json
import struct
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ozwald.errors import ConnectionFailed, EngineError, Failure
from ozwald.remote.command import Stream
from ozwald.remote.docker_client import READ_S, DockerClient
from ozwald.remote.docker_transport import exchange_heads
from ozwald.remote.pipes import LinkLostError, Pipe
from ozwald.remote.text import clean

START_S: Final = 60.0
PIECE: Final = 32 * 1024
FRAME: Final = struct.Struct(">BxxxI")  # stream and length, before each piece (Docker Engine API, "Stream format")
STREAMS: Final[dict[int, Stream]] = {1: "stdout", 2: "stderr"}


def begin_exec(
    client: DockerClient, container_id: str, words: Sequence[str], options: Mapping[str, Any]
) -> "DockerExec":
    """See `ozwald.remote.engine.Engine.begin_exec`; the options are named as the Docker SDK names them."""

    def inspect() -> Any:
        with client.call("inspecting a command in a container", timeout_s=READ_S):
            return client.api.exec_inspect(made)

    def resize(rows: int, columns: int) -> None:
        with client.call("resizing a terminal", timeout_s=READ_S):
            client.api.exec_resize(made, height=rows, width=columns)

    with client.call("starting a command in a container", timeout_s=START_S, changes=True):
        made = client.api.exec_create(container_id, list(words), stdin=True, **options)["Id"]
        pipe = client.dial(START_S)
        started = DockerExec(client.host_name, pipe, tty=options["tty"], inspect=inspect, resize=resize)
        started.start(f"/v{client.api.api_version}/exec/{made}/start")
    return started


class DockerExec:
    """See `ozwald.remote.engine.Exec`. One thread reads while another writes."""

    def __init__(
        self,
        host_name: str,
        pipe: Pipe,
        *,
        tty: bool,
        inspect: Callable[[], Any],
        resize: Callable[[int, int], None],
    ) -> None:
        self._host_name = host_name
        self._pipe = pipe
        self._tty = tty
        self._inspect = inspect
        self.resize = resize
        self._waiting = b""
        self._stream: Stream = "stdout"
        self._left = 0
        self._sending = threading.Lock()

    def start(self, path: str) -> None:
        """Takes the pipe over; raises EngineError where the engine does not give it."""
        body = json.dumps({"Detach": False, "Tty": self._tty}).encode()
        head = (
            f"POST {path} HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        try:
            answered, self._waiting = exchange_heads(self._pipe, head.encode() + body, START_S)
        except EOFError as err:
            raise self._broken(str(err)) from err
        if answered.split(b" ")[1:2] not in ([b"101"], [b"200"]):
            raise self._broken(f"Docker answered {clean(answered.splitlines()[0])}: {clean(self._waiting)}")

    def read(self) -> tuple[Stream, bytes] | None:
        try:
            if not self._tty:
                while self._left == 0:
                    if not self._next_frame():
                        return None
            content = self._piece(PIECE if self._tty else min(PIECE, self._left))
        except (LinkLostError, OSError, EOFError) as err:
            message = "the connection was lost while a command ran in a container"
            raise ConnectionFailed(self._host_name, message, failure=Failure.UNKNOWN) from err
        self._left -= 0 if self._tty else len(content)
        return (self._stream, content) if content else None

    def write(self, content: bytes) -> None:
        with self._sending:
            self._pipe.send(content, None)

    def close_input(self) -> None:
        with self._sending:
            self._pipe.close_write()

    def pid(self) -> int | None:
        found = self._inspect()
        return int(found.get("Pid") or 0) or None if found.get("Running") else None

    def exit_code(self) -> int:
        deadline = time.monotonic() + START_S
        while (found := self._inspect()).get("Running"):
            # The streams close a moment before the engine has noted the end.
            if time.monotonic() >= deadline:
                raise self._broken("its output has ended, but it has not")
            time.sleep(0.01)
        return int(found.get("ExitCode") or 0)

    def close(self) -> None:
        self._pipe.close()

    def _piece(self, most: int) -> bytes:
        """What has come, at most so many bytes; none at the end."""
        come = self._waiting or self._pipe.recv(PIECE, None)
        self._waiting = come[most:]
        return come[:most]

    def _next_frame(self) -> bool:
        """Reads which stream comes next and how much of it; False at the end."""
        head = b""
        while len(head) < FRAME.size:
            piece = self._piece(FRAME.size - len(head))
            if not piece and head:
                raise EOFError
            if not piece:
                return False
            head += piece
        number, self._left = FRAME.unpack(head)
        self._stream = STREAMS.get(number, "stdout")
        return True

    def _broken(self, why: str) -> EngineError:
        return EngineError(self._host_name, f"a command in a container: {why}", failure=Failure.UNKNOWN)
