"""The data folder: the controller's identity, its key, the lock and the files the other modules keep there."""

import fcntl
import os
import re
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ozwald.errors import StateError
from ozwald.state.files import read_text, write_whole

KEY_BYTES = 32


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
    def changing(self) -> Iterator[None]:
        """Holds the folder's lock, with identity and key made: one process at a time changes what runs.

        Raises:
            StateError: another process holds it, or it cannot be opened.
        """
        path = self.folder() / "lock"
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as err:
            raise StateError(f"cannot open the lock {path}: {err.strerror}") from err
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as err:
                holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
                raise StateError(f"another ozwald (process {holder}) is changing services; wait for it") from err
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            self._make_once("controller-id", _new_controller_id())
            self._make_once("fingerprint-key", _new_key())
            yield
        finally:
            os.close(descriptor)

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
