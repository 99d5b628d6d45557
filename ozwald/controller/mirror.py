"""The wanted set in two places: on disk, where it counts, and in Redis, for the controller that takes over."""

import hashlib
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path

from ozwald.errors import StateError
from ozwald.execution.intent import store
from ozwald.model.history import Author
from ozwald.model.wanted import WantedSet
from ozwald.state.cache import Cache, Mirrored
from ozwald.state.files import read_text
from ozwald.state.home import DataFolder
from ozwald.state.lease import Candidate
from ozwald.state.wanted import changing_wanted, parse_wanted, read_wanted, wanted_path

log = logging.getLogger(__name__)

TAKEN_OVER = Author(owner="ozwald", command="taken over from Redis")


@dataclass(frozen=True, slots=True)
class _OnDisk:
    generation: int
    digest: str
    text: str


class Mirror:
    """One provisioner's wanted set; the higher generation wins. Used by one thread."""

    def __init__(self, cache: Cache, home: DataFolder, provisioner: str, candidate: Candidate) -> None:
        self._cache = cache
        self._home = home
        self._provisioner = provisioner
        self._candidate = candidate
        self._read: tuple[tuple[int, int, int], _OnDisk] | None = None
        self._taken = ""

    def keep(self) -> bool:
        """Has Redis hold what is on disk; True when it held a newer set, which is now on disk.

        Raises:
            StateError: Redis does not answer, or the disk cannot be written.
        """
        if self.take(ties=False):
            return True
        own = self._on_disk()
        known = self._cache.mirrored()
        if own is not None and (known is None or known.digest != own.digest):
            entry = Mirrored(generation=own.generation, digest=own.digest, writer=self._candidate.writer)
            self._cache.mirror(self._candidate, entry, own.text)
        return False

    def take(self, *, ties: bool = True) -> bool:
        """Has the disk hold what Redis holds when that is newer; of equals, with `ties`, another controller's wins.

        What cannot be read on disk is kept beside it.

        Raises:
            StateError: as `keep`, or neither of the two can be read.
        """
        known = self._cache.mirrored()
        if known is None:
            return False
        own, damage = None, None
        try:
            own = self._on_disk()
        except StateError as error:
            damage = error
        if own is not None and (known.digest == self._taken or not self._wins(known, own, ties=ties)):
            return False
        remedy = f"delete the key ozwald:{self._provisioner}:wanted there, and what is on disk takes its place"
        wanted = parse_wanted(self._cache.mirrored_text(), "the wanted set in Redis", remedy=remedy)
        self._write(wanted, damage)
        self._taken = known.digest
        return True

    def _wins(self, known: Mirrored, own: _OnDisk, *, ties: bool) -> bool:
        if known.generation != own.generation:
            return known.generation > own.generation
        return ties and known.digest != own.digest and known.writer != self._candidate.writer

    def _write(self, wanted: WantedSet, damage: StateError | None) -> None:
        with changing_wanted(self._home, self._provisioner) as path:
            if damage is not None:
                log.warning("%s; what Redis holds takes its place", damage)
                _move_aside(path)
            before = read_wanted(path)
            if before is not None and before.generation > wanted.generation:
                return
            store(wanted, before, home=self._home, provisioner=self._provisioner, author=TAKEN_OVER, at=time.time())
        log.info("the wanted set of generation %d was taken over from Redis", wanted.generation)

    def _on_disk(self) -> _OnDisk | None:
        """Read again only when the file is another."""
        path = wanted_path(self._home, self._provisioner)
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
            self._read = mark, _OnDisk(parse_wanted(text, str(path)).generation, digest, text)
        return self._read[1]


def _move_aside(path: Path) -> None:
    try:
        path.replace(path.with_suffix(".damaged"))
    except OSError as err:
        raise StateError(f"cannot move {path} aside: {err.strerror}") from err
