"""The life of a controller's process: one per provisioner and data folder, found again by who holds its lock."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from ozwald.errors import StateError
from ozwald.state.files import read_text, write_whole
from ozwald.state.home import DataFolder
from ozwald.state.locks import Busy, held


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A controller's process; `url` is where its API listens, `log` the file it writes, or standard error.

    `reloads` counts how often it was asked to read its settings again; `reload_problem` says why the last time it
    kept the former ones.
    """

    pid: int
    url: str
    log: str
    started_at: float
    reloads: int = 0
    reload_problem: str = ""


@contextmanager
def only_controller(home: DataFolder, provisioner: str) -> Iterator[None]:
    """Holds the right to be the provisioner's controller in this data folder; the kernel frees it at the end.

    Raises:
        StateError: another process is the controller.
    """
    folder = home.folder("run")
    try:
        with held(folder / f"{provisioner}.lock", f"provisioner {provisioner}"):
            _path(home, provisioner).unlink(missing_ok=True)  # of one that was killed
            try:
                yield
            finally:
                with suppress(FileNotFoundError):
                    _path(home, provisioner).unlink()
    except Busy as busy:
        raise StateError(f"provisioner {provisioner} runs already (process {busy.holder})") from busy


def tell(home: DataFolder, provisioner: str, running: Running) -> None:
    """Writes down where the controller is found."""
    write_whole(_path(home, provisioner), json.dumps(asdict(running)))


def find(home: DataFolder, provisioner: str) -> Running | None:
    """The provisioner's controller, or None when none is alive."""
    if not _is_held(home.path / "run" / f"{provisioner}.lock", provisioner):
        return None
    return parse_running(read_text(_path(home, provisioner)) or "")


def parse_running(text: str) -> Running | None:
    """What a controller has written about itself, or None where that cannot be read."""
    try:
        running = Running(**json.loads(text))
    except (ValueError, TypeError, RecursionError):
        return None
    return running if isinstance(running.url, str) else None


def end(home: DataFolder, provisioner: str, running: Running, *, within_s: float) -> bool:
    """Asks the controller to end and waits; False when it still lives after that long."""
    with suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    over = time.monotonic() + within_s
    while _is_held(home.path / "run" / f"{provisioner}.lock", provisioner):
        if time.monotonic() > over:
            return False
        time.sleep(0.05)
    return True


def _is_held(lock: Path, provisioner: str) -> bool:
    if not lock.exists():
        return False
    try:
        with held(lock, provisioner):
            return False
    except Busy:
        return True


def _path(home: DataFolder, provisioner: str) -> Path:
    return home.path / "run" / f"{provisioner}.json"
