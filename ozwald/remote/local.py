"""The controller's own machine as a host: subprocesses and the local socket."""

import getpass
import logging
import os
import selectors
import shlex
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ozwald.errors import ConnectionFailed, EngineError, Failure
from ozwald.model.host import Host
from ozwald.remote.command import KILL_AFTER_S, OUTPUT_BYTES, PIECE, Capture, CommandResult, OnOutput, Stdin, Stream
from ozwald.remote.docker_context import local_socket
from ozwald.remote.engine import Engine
from ozwald.remote.pipes import Pipe
from ozwald.remote.proxy_command import ProxySocket
from ozwald.remote.ssh_pipes import cli_failed, denied, dial_stdio_words, missing, socket_path

if TYPE_CHECKING:
    from ozwald.remote.docker_engine import DockerEngine

log = logging.getLogger(__name__)

CONNECT_S: Final = 10.0
TIMED_OUT: Final = 124


class LocalConnection:
    """See `HostConnection`."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._lock = threading.Lock()
        self._engine: DockerEngine | None = None
        self._running: set[subprocess.Popen[bytes]] = set()

    def run(
        self,
        words: Sequence[str],
        *,
        stdin: Stdin = b"",
        timeout_s: float,
        limit_bytes: int = OUTPUT_BYTES,
        become: bool | None = None,
        on_output: OnOutput | None = None,
    ) -> CommandResult:
        whole = stdin if isinstance(stdin, bytes) else b"".join(stdin)
        sudo = ["sudo", "-n", "--"] if (self.host.become if become is None else become) else []
        try:
            process = subprocess.Popen(
                [*sudo, *words],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except (OSError, ValueError) as err:
            return CommandResult(exit_status=127, stdout=b"", stderr=f"{words[0]}: {err}\n".encode())
        self._running.add(process)
        try:
            return _finish(process, Capture(limit_bytes, on_output), stdin=whole, timeout_s=timeout_s)
        finally:
            self._running.discard(process)
            _kill(process)

    def begin(self, words: Sequence[str]) -> Pipe:
        try:
            return _SocketPipe(ProxySocket.start(shlex.join(words)))
        except OSError as err:
            raise ConnectionFailed(self.host.name, f"{words[0]}: {err}", failure=Failure.RETRYABLE) from err

    def engine(self) -> Engine:
        from ozwald.remote.docker_engine import DockerEngine  # importing docker takes long

        with self._lock:
            if self._engine is None:
                self._engine = DockerEngine.over(self.host.name, self._dial)
            return self._engine

    def is_open(self) -> bool:
        return True

    def interrupt(self) -> None:
        for process in tuple(self._running):
            _signal(process, signal.SIGTERM)

    def close(self) -> None:
        if self._engine is not None:
            self._engine.close()
        for process in tuple(self._running):
            _kill(process)

    def _dial(self, timeout_s: float | None) -> Pipe:
        path = _local_socket(self.host)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.settimeout(CONNECT_S if timeout_s is None else min(CONNECT_S, timeout_s))
        try:
            sock.connect(path)
            return _SocketPipe(sock)
        except OSError as err:
            sock.close()
            if isinstance(err, PermissionError) and self.host.become:
                return _through_cli(self.host, path)
            raise _no_engine(self.host, path, err) from err


def _local_socket(host: Host) -> str:
    if host.docker_socket is not None:
        return socket_path(host)
    return local_socket(host.name, os.environ, Path.home())


def _no_engine(host: Host, path: str, err: OSError) -> EngineError:
    if isinstance(err, PermissionError):
        return denied(host, getpass.getuser())
    if isinstance(err, FileNotFoundError):
        return missing(host, path)
    return cli_failed(host, path, str(err).encode())


def _through_cli(host: Host, path: str) -> Pipe:
    program = ProxySocket.start(shlex.join(dial_stdio_words(host, path)))
    return _ProgramPipe(program, lambda said: cli_failed(host, path, said.encode()))


class _SocketPipe:
    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def recv(self, size: int, timeout_s: float | None) -> bytes:
        self._sock.settimeout(timeout_s)
        return self._sock.recv(size)

    def send(self, content: bytes, timeout_s: float | None) -> None:
        self._sock.settimeout(timeout_s)
        self._sock.sendall(content)

    def close_write(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)

    def is_idle(self) -> bool:
        self._sock.settimeout(0)
        try:
            self._sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # closing alone would not wake a thread that reads
        self._sock.close()


class _ProgramPipe(_SocketPipe):
    """A pipe through a program, which tells on stderr why it cannot reach the engine."""

    def __init__(self, program: ProxySocket, failed: Callable[[str], EngineError]) -> None:
        super().__init__(program)
        self._program = program
        self._failed = failed
        self._has_answered = False

    def recv(self, size: int, timeout_s: float | None) -> bytes:
        with self._telling_why():
            content = super().recv(size, timeout_s)
            if not content and not self._has_answered:
                raise EOFError
        self._has_answered = True
        return content

    def send(self, content: bytes, timeout_s: float | None) -> None:
        with self._telling_why():
            super().send(content, timeout_s)

    @contextmanager
    def _telling_why(self) -> Iterator[None]:
        """A program that ends at once leaves a broken pipe, a reset or an end, as it happens."""
        try:
            yield
        except TimeoutError:
            raise
        except (OSError, EOFError) as err:
            if self._has_answered:
                raise
            self._program.close()
            raise self._failed(self._program.said) from err


def _finish(process: subprocess.Popen[bytes], capture: Capture, *, stdin: bytes, timeout_s: float) -> CommandResult:
    """Feeds and drains a process; past the time limit it gets SIGTERM, then SIGKILL."""
    timed_out = not _exchange(process, stdin, capture, deadline=time.monotonic() + timeout_s)
    if timed_out:
        _signal(process, signal.SIGTERM)
        if not _exchange(process, b"", capture, deadline=time.monotonic() + KILL_AFTER_S):
            _signal(process, signal.SIGKILL)
    process.wait()
    status = TIMED_OUT if timed_out else process.returncode
    status = 128 - status if status < 0 else status
    return capture.result(status, timed_out=timed_out)


def _exchange(process: subprocess.Popen[bytes], stdin: bytes, capture: Capture, *, deadline: float) -> bool:
    """Whether the process ended and closed its output by the deadline."""
    streams: dict[object, Stream] = {process.stdout: "stdout", process.stderr: "stderr"}
    waiting = memoryview(stdin)
    with selectors.DefaultSelector() as selector:
        for stream in (process.stdout, process.stderr):
            if stream is not None and not stream.closed:
                selector.register(stream, selectors.EVENT_READ)
        if process.stdin is not None and not process.stdin.closed:
            os.set_blocking(process.stdin.fileno(), False)
            selector.register(process.stdin, selectors.EVENT_WRITE)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in selector.select(left):
                if key.fileobj is process.stdin:
                    waiting = _write_some(process, waiting)
                    if process.stdin.closed:
                        selector.unregister(key.fd)
                elif piece := os.read(key.fd, PIECE):
                    capture.add(streams[key.fileobj], piece)
                else:
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.0, deadline - time.monotonic()))
        return True
    return False


def _write_some(process: subprocess.Popen[bytes], waiting: memoryview) -> memoryview:
    """What is left to write; closes stdin when nothing is, or when the process stopped reading."""
    assert process.stdin is not None
    try:
        if waiting:
            waiting = waiting[os.write(process.stdin.fileno(), waiting[:PIECE]) :]
    except BlockingIOError:
        return waiting
    except OSError:
        waiting = waiting[:0]
    if not waiting:
        process.stdin.close()
    return waiting


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        _signal(process, signal.SIGKILL)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None and not stream.closed:
            with suppress(OSError):
                stream.close()
