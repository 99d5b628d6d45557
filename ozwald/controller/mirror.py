"""A document in two places: on disk, where it counts, and in Redis, for the controller that takes over."""

import hashlib
import logging
import os
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ozwald.errors import StateError
from ozwald.state.cache import Cache, Mirrored
from ozwald.state.files import move_aside, read_text
from ozwald.state.lease import Candidate

log = logging.getLogger(__name__)


class Document(Protocol):
    """A file of a provisioner's with a number that grows; `key` is the one in Redis, `title` what people call it."""

    key: str
    title: str
    remedy: str
    path: Path

    def number(self, text: str, where: str, remedy: str) -> int:
        """Its number in such a text; raises StateError, which says `where` and `remedy`, when that is damaged."""

    def changing(self) -> AbstractContextManager[object]:
        """Holds its lock; raises StateError."""

    def put(self, text: str) -> None:
        """Makes a text durable that was taken over, for who holds the lock; raises StateError."""


@dataclass(frozen=True, slots=True)
class _OnDisk:
    number: int
    digest: str
    text: str


class Mirror:
    """One document; the higher number wins. Used by one thread."""

    def __init__(self, document: Document, cache: Cache, candidate: Candidate) -> None:
        self._document = document
        self._cache = cache
        self._candidate = candidate
        self._read: tuple[tuple[int, int, int], _OnDisk] | None = None
        self._taken = ""

    def keep(self) -> bool:
        """Has Redis hold what is on disk; True when it held a newer one, which is now on disk.

        Raises:
            StateError: Redis does not answer, or the disk cannot be written.
        """
        if self.take(ties=False):
            return True
        own = self._on_disk()
        known = self._cache.mirrored(self._document.key)
        if own is not None and (known is None or known.digest != own.digest):
            entry = Mirrored(number=own.number, digest=own.digest, writer=self._candidate.writer)
            self._cache.mirror(self._candidate, self._document.key, entry, own.text)
        return False

    def take(self, *, ties: bool = True) -> bool:
        """Has the disk hold what Redis holds when that is newer; of equals, with `ties`, another controller's wins.

        What cannot be read on disk is kept beside it.

        Raises:
            StateError: as `keep`, or neither of the two can be read.
        """
        known = self._cache.mirrored(self._document.key)
        if known is None:
            return False
        own, damage = None, None
        try:
            own = self._on_disk()
        except StateError as error:
            damage = error
        if own is not None and (known.digest == self._taken or not self._wins(known, own, ties=ties)):
            return False
        self._write(self._cache.mirrored_text(self._document.key), damage)
        self._taken = known.digest
        return True

    def _wins(self, known: Mirrored, own: _OnDisk, *, ties: bool) -> bool:
        if known.number != own.number:
            return known.number > own.number
        return ties and known.digest != own.digest and known.writer != self._candidate.writer

    def _write(self, text: str, damage: StateError | None) -> None:
        document = self._document
        remedy = f"delete the key {self._cache.key(document.key)} there, and what is on disk takes its place"
        number = document.number(text, f"the {document.title} in Redis", remedy)
        with document.changing():
            if damage is not None:
                log.warning("%s; what Redis holds takes its place", damage)
                move_aside(document.path)
            own = self._on_disk()
            if own is not None and own.number > number:
                return
            document.put(text)
        log.info("the %s number %d was taken over from Redis", document.title, number)

    def _on_disk(self) -> _OnDisk | None:
        """Read again only when the file is another."""
        path = self._document.path
        try:
            found = os.stat(path)
        except FileNotFoundError:
            return None
        except OSError as err:
            raise StateError(f"cannot read {path}: {err.strerror}") from err
        mark = found.st_ino, found.st_mtime_ns, found.st_size
        if self._read is None or self._read[0] != mark:
            text = read_text(path) or ""
            digest = hashlib.sha256(text.encode()).hexdigest()
            number = self._document.number(text, str(path), self._document.remedy)
            self._read = mark, _OnDisk(number, digest, text)
        return self._read[1]
