"""The data folder: the controller's identity, its key, the hosts' locks and the files the other modules keep there."""

import hashlib
import re
import resource
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from ozwald.errors import StateError
from ozwald.state.files import read_text, write_whole
from ozwald.state.locks import held

KEY_BYTES = 32
_LONGEST_NAME = 200


class DataFolder:
    """`OZWALD_HOME`, by default the platform's state folder; made (mode 0700) by the first to change something.

    So are the identity and the key. Before, nothing can be ours, and who only reads is given ones of the moment.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, platform: str = sys.platform) -> "DataFolder":
        """The folder that the environment names, else `~/.local/state/ozwald` (macOS: Application Support)."""
        if environ.get("OZWALD_HOME"):
            return cls(Path(environ["OZWALD_HOME"]).expanduser().absolute())
        if platform == "darwin":
            return cls(Path.home() / "Library" / "Application Support" / "ozwald")
        state = environ.get("XDG_STATE_HOME")
        return cls((Path(state) if state else Path.home() / ".local" / "state") / "ozwald")

    def controller_id(self) -> str:
        """The random id that marks our containers."""
        return self._kept("controller-id") or _new_controller_id()

    def become(self, controller: str) -> bool:
        """Takes the id that other controllers share; False when something was asked for here under its own.

        Raises:
            StateError: it cannot be written.
        """
        if any(any((self.path / name).glob("*.json")) for name in ("wanted", "footprint-queue")):
            return False
        write_whole(self.path / "controller-id", controller + "\n")
        return True

    def fingerprint_key(self) -> bytes:
        """The secret that specifications are fingerprinted with."""
        text = self._kept("fingerprint-key") or _new_key()
        if not re.fullmatch(f"[0-9a-f]{{{2 * KEY_BYTES}}}", text):
            path = self.path / "fingerprint-key"
            raise StateError(f"{path} is damaged; restore it, or delete it (every container is replaced then)")
        return bytes.fromhex(text)

    def folder(self, *parts: str) -> Path:
        """A sub-folder, made when missing.

        Raises:
            StateError: it cannot be made.
        """
        path = self.path
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            for part in parts:
                path /= part
                path.mkdir(mode=0o700, exist_ok=True)
        except OSError as err:
            raise StateError(f"cannot make the data folder {path}: {err.strerror}; set OZWALD_HOME") from err
        return path

    @contextmanager
    def changing(
        self, hosts: Iterable[str], *, wait_s: float = 0.0, on_wait: Callable[[str], None] = lambda text: None
    ) -> Iterator[None]:
        """Holds the locks of these hosts, with identity and key made: one process at a time changes a host.

        They are taken in the order of their names, so that no two processes wait for each other. `wait_s` is for
        all of them together.

        Raises:
            Busy: another process holds one.
            StateError: one cannot be opened.
        """
        folder, over = self.folder("locks"), time.monotonic() + wait_s
        names = sorted(set(hosts))
        allow_open_files(len(names))
        with ExitStack() as locks:
            for name in names:
                left = max(0.0, over - time.monotonic())
                locks.enter_context(held(folder / _lock_name(name), name, wait_s=left, on_wait=on_wait))
            self._make_once("controller-id", _new_controller_id())
            self._make_once("fingerprint-key", _new_key())
            yield

    def _make_once(self, name: str, value: str) -> None:
        path = self.path / name
        if read_text(path) is None:
            write_whole(path, value + "\n", overwrite=False)

    def _kept(self, name: str) -> str | None:
        path = self.path / name
        value = read_text(path)
        if value is not None and not value.strip():
            raise StateError(f"{path} is empty; restore it, or delete it to start over as a new controller")
        return value.strip() if value else None


def _new_controller_id() -> str:
    return secrets.token_hex(8)


def _new_key() -> str:
    return secrets.token_hex(KEY_BYTES)


def _lock_name(host: str) -> str:
    """A host may be called anything that an Ansible inventory allows."""
    name = quote(host, safe="")
    return f"{name if len(name) <= _LONGEST_NAME else hashlib.sha256(host.encode()).hexdigest()}.lock"


def allow_open_files(more: int) -> None:
    """Each lock is an open file, beside the connections; macOS allows 256 unless asked."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 256 + 4 * more
    if soft < wanted and (hard == resource.RLIM_INFINITY or hard > soft):
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
