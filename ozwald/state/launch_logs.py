"""Launch logs: what happened while an instance was being started, kept also when it failed."""

from datetime import UTC, datetime
from pathlib import Path

from ozwald.errors import StateError
from ozwald.model.plan import InstanceKey
from ozwald.state.files import read_text
from ozwald.state.home import DataFolder

MAX_BYTES = 256 * 1024


class LaunchLogs:
    """One bounded text file for each instance; newer launches follow older ones."""

    def __init__(self, home: DataFolder) -> None:
        self._home = home

    def append(self, key: InstanceKey, line: str, *, at: float) -> None:
        """Adds one entry (its further lines are indented); `at` is seconds since the epoch.

        Raises:
            StateError: the file cannot be written.
        """
        when = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
        text = f"{when} " + line.rstrip("\n").replace("\n", "\n  ") + "\n"
        path = self._home.folder("logs", "launch") / _file_name(key)
        try:
            with path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text)
                size = file.tell()
            if size > MAX_BYTES:
                _keep_half(path)
        except OSError as err:
            raise StateError(f"cannot write {path}: {err.strerror}") from err

    def read(self, key: InstanceKey) -> str | None:
        """Everything kept about an instance's launches, oldest first, or None."""
        return read_text(self._home.path / "logs" / "launch" / _file_name(key))


def _file_name(key: InstanceKey) -> str:
    return f"{key.realm}--{key.name}.log"


def _keep_half(path: Path) -> None:
    half = path.read_bytes()[-MAX_BYTES // 2 :].decode("utf-8", "ignore")
    temporary = path.with_suffix(".tmp")
    temporary.write_text(half.partition("\n")[2] or half, encoding="utf-8")
    temporary.replace(path)
