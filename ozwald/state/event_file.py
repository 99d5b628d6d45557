"""Events on disk: a JSON line each, in two files of bounded size of which the older one goes."""

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ozwald.errors import StateError
from ozwald.model.event import Event, event_document, read_event
from ozwald.state.home import DataFolder

log = logging.getLogger(__name__)

MAX_BYTES: Final = 2 * 1024 * 1024


class EventFile:
    """One provisioner's events; one process writes, any reads.

    A line is written with one call: who is killed leaves whole lines, and what a power cut tears is left out.
    """

    def __init__(self, home: DataFolder, provisioner: str, *, max_bytes: int = MAX_BYTES) -> None:
        self._home = home
        self._provisioner = provisioner
        self._max_bytes = max_bytes

    @property
    def path(self) -> Path:
        """The file that is written."""
        return self._home.path / "logs" / "events" / f"{self._provisioner}.jsonl"

    @property
    def older(self) -> Path:
        """The full file before that."""
        return self.path.with_suffix(".1.jsonl")

    def append(self, event: Event) -> None:
        """Adds one event.

        Raises:
            StateError: it cannot be written.
        """
        line = json.dumps(event_document(event)).encode() + b"\n"
        self._home.folder("logs", "events")
        try:
            if self._size() + len(line) > self._max_bytes:
                os.replace(self.path, self.older)
            self._write(line)
        except OSError as err:
            raise StateError(f"cannot write {self.path}: {err.strerror}") from err

    def read(self) -> list[Event]:
        """All events that are kept, oldest first, whichever controller's; lines that are damaged are left out.

        Raises:
            StateError: a file cannot be read.
        """
        before = self._mark()
        events = [event for path in (self.older, self.path) for event in _events(path)]
        return sorted(events, key=lambda event: event.id) if self._mark() == before else self.read()

    def _write(self, line: bytes) -> None:
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            is_torn = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
            os.write(descriptor, b"\n" + line if is_torn else line)
        finally:
            os.close(descriptor)

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _mark(self) -> int | None:
        """Another one after the files were exchanged."""
        try:
            return self.older.stat().st_ino
        except OSError:
            return None


def _events(path: Path) -> Iterator[Event]:
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return
    except OSError as err:
        raise StateError(f"cannot read {path}: {err.strerror}") from err
    for line in lines:
        try:
            yield read_event(json.loads(line))
        except (ValueError, KeyError, TypeError, OverflowError):
            log.debug("%s: a damaged line is left out", path)
