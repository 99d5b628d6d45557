"""A real Redis on a port of this machine, for those who share one, and what may happen to it."""

import signal
import socket
import subprocess
import time
from pathlib import Path

import redis

from ozwald.model.host import Cache as CacheAddress
from ozwald.state.redis_server import _binary


class RealRedis:
    """One server process; what it holds survives a kill only with `append_only`."""

    def __init__(self, folder: Path, *, password: str = "", append_only: bool = False) -> None:
        self._folder = folder
        self._password = password
        self._append_only = append_only
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.address = CacheAddress(address="127.0.0.1", port=self.port, password=password or None)
        self.client = redis.Redis(port=self.port, password=password or None, decode_responses=True)

    def start(self) -> None:
        """Starts it, or a new one in its place."""
        options = {"port": str(self.port), "bind": "127.0.0.1", "dir": str(self._folder), "save": ""}
        options["appendonly"] = "yes" if self._append_only else "no"
        if self._password:
            options["requirepass"] = self._password
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        self._process = subprocess.Popen([str(_binary()), *words], stdout=subprocess.DEVNULL)
        over = time.monotonic() + 10.0
        while time.monotonic() < over:
            try:
                self.client.ping()
            except redis.RedisError:
                time.sleep(0.01)
            else:
                return
        raise AssertionError("no Redis")

    def kill(self) -> None:
        """As a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """It accepts connections and never answers."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process
        self._process.send_signal(signal.SIGCONT)

    def configure(self, name: str, value: str) -> None:
        """Sets one of its options."""
        self.client.config_set(name, value)
