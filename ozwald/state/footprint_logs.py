"""Logs of measuring runs: what the runner did and what the container wrote, kept when the container is gone."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ozwald.errors import StateError
from ozwald.model.footprint import Combination
from ozwald.state.files import read_text, write_whole
from ozwald.state.home import DataFolder
from ozwald.state.text_log import MAX_BYTES, append_entry


class LogType(StrEnum):
    """Whose words they are."""

    CONTAINER = "container"
    RUNNER = "runner"


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintLog:
    """The log of one combination, oldest line first."""

    combination: Combination
    text: str


class FootprintLogs:
    """Two bounded text files for each combination: the runner's for all its runs, the container's of the last."""

    def __init__(self, home: DataFolder) -> None:
        self._home = home

    def tell(self, combination: Combination, line: str, *, at: float) -> None:
        """Adds an entry to the runner's log; `at` is seconds since the epoch.

        Raises:
            StateError: it cannot be written.
        """
        append_entry(self._folder(LogType.RUNNER, combination) / _file_name(combination), line, at=at)

    def keep(self, combination: Combination, written: bytes) -> None:
        """Keeps the end of what a run's container wrote, in place of the run's before.

        Raises:
            StateError: it cannot be written.
        """
        text = written[-MAX_BYTES:].decode("utf-8", "backslashreplace")
        write_whole(self._folder(LogType.CONTAINER, combination) / _file_name(combination), text)

    def newest(self, kind: LogType, asked: Combination) -> FootprintLog | None:
        """The log that was written to last, of those asked for: a variety or profile of None stands for all.

        Raises:
            StateError: it cannot be read.
        """
        folder = self._home.path / "logs" / "footprints" / kind.value / _folder_name(asked)
        found = [path for path in folder.glob("*.log") if _is_meant(path, asked)]
        if not found:
            return None
        try:
            path = max(found, key=lambda one: one.stat().st_mtime_ns)
        except OSError as err:
            raise StateError(f"cannot read {folder}: {err.strerror}") from err
        variety, profile = _words(path)
        combination = Combination(
            realm=asked.realm, service=asked.service, variety=variety or None, profile=profile or None
        )
        return FootprintLog(combination=combination, text=read_text(path) or "")

    def _folder(self, kind: LogType, combination: Combination) -> Path:
        return self._home.folder("logs", "footprints", kind.value, _folder_name(combination))


def _folder_name(combination: Combination) -> str:
    """Names have no two dashes in a row, so these are told apart."""
    return f"{combination.realm}--{combination.service}"


def _file_name(combination: Combination) -> str:
    return f"{combination.variety or ''}--{combination.profile or ''}.log"


def _words(path: Path) -> tuple[str, str]:
    variety, _, profile = path.name.removesuffix(".log").partition("--")
    return variety, profile


def _is_meant(path: Path, asked: Combination) -> bool:
    variety, profile = _words(path)
    return asked.variety in (None, variety) and asked.profile in (None, profile)
