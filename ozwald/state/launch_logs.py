"""Launch logs: what happened while an instance was being started, kept also when it failed."""

from ozwald.model.plan import InstanceKey
from ozwald.state.files import read_text
from ozwald.state.home import DataFolder
from ozwald.state.text_log import append_entry


class LaunchLogs:
    """One bounded text file for each instance; newer launches follow older ones."""

    def __init__(self, home: DataFolder) -> None:
        self._home = home

    def append(self, key: InstanceKey, line: str, *, at: float) -> None:
        """Adds one entry; `at` is seconds since the epoch.

        Raises:
            StateError: the file cannot be written.
        """
        append_entry(self._home.folder("logs", "launch") / _file_name(key), line, at=at)

    def read(self, key: InstanceKey) -> str | None:
        """Everything kept about an instance's launches, oldest first, or None."""
        return read_text(self._home.path / "logs" / "launch" / _file_name(key))


def _file_name(key: InstanceKey) -> str:
    return f"{key.realm}--{key.name}.log"
