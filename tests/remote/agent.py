"""An ssh-agent of a test's own."""

import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tests.waiting import eventually


class AddKey(Protocol):
    """Has the agent hold a key; takes the words of ssh-add."""

    def __call__(self, *words: str | Path) -> None: ...


@contextmanager
def ssh_agent(path: Path) -> Iterator[None]:
    """An agent that listens at this path."""
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "SSH_ASKPASS")}
    words = ["ssh-agent", "-D", "-a", str(path)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        assert eventually(lambda: _listens(path))
        yield
    finally:
        process.terminate()
        process.wait()


def _listens(path: Path) -> bool:
    """The file of a socket is there a moment before anybody can connect."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0
