"""The queue of requests for footprints: first come first served, on disk before anybody hears that it was taken."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ozwald.errors import RequestError, StateError
from ozwald.model.footprint import FootprintRequest, RunStatus
from ozwald.model.footprint_document import read_request, request_document
from ozwald.planning.nearest import unknown
from ozwald.state.files import sweep
from ozwald.state.home import DataFolder
from ozwald.state.locks import held
from ozwald.state.sealed import read_sealed, unseal, write_sealed

SCHEMA: Final = 2
PATIENCE_S: Final = 10.0
# Together, with names as long as they may be, these fit into what a file may have.
MOST_RUNS: Final = 1000
MOST_ENDED: Final = 50
MOST_ENDED_RUNS: Final = 500
LONGEST_REASON: Final = 400
_FOLDER: Final = "footprint-queue"
REMEDY: Final = "move it away; what was asked for and not measured yet has to be asked for again"

# More changes than a controller makes that does not know yet that another has taken over.
TERM: Final = 1_000_000

Requests = tuple[FootprintRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """The queue's requests; `number` grows with every change."""

    number: int = 0
    requests: Requests = ()


def parse_queue(text: str, where: str, *, remedy: str = REMEDY) -> Numbered:
    """The queue from the text of such a file.

    Raises:
        StateError: it is damaged or of another version; the text says `where`, and `remedy` what to do.
    """
    return unseal(text, SCHEMA, _read, where=where, remedy=remedy)


class FootprintQueue:
    """One provisioner's queue. May be used by any thread and process; one at a time works it.

    `check` raises what forbids a change just now.
    """

    def __init__(self, home: DataFolder, provisioner: str, *, check: Callable[[], None] = lambda: None) -> None:
        self._home = home
        self._provisioner = provisioner
        self._check = check
        self.path: Path = home.path / _FOLDER / f"{provisioner}.json"

    def requests(self) -> Requests:
        """All that is asked for and the last ones that have ended, oldest first.

        Raises:
            StateError: the file is damaged or of another version; it is left as it is.
        """
        return self._numbered().requests

    def find(self, request_id: str) -> FootprintRequest:
        """The request of that id; raises RequestError when there is none."""
        return _found(self.requests(), request_id)

    def add(self, request: FootprintRequest) -> None:
        """Takes a request; it is durable when this returns.

        Raises:
            StateError: it cannot be written, or too much is waiting already.
        """
        with self._changing() as before:
            waiting = sum(len(one.runs) for one in before.requests if not one.is_ended)
            if waiting + len(request.runs) > MOST_RUNS:
                raise StateError(
                    f"{len(request.runs)} runs are too many: {MOST_RUNS} may wait to be measured, and {waiting} do; "
                    "ask for fewer, or cancel some: ozwald footprint_services --list"
                )
            self._write(before.number + 1, (*before.requests, request))

    def change(self, request_id: str, change: Callable[[FootprintRequest], FootprintRequest]) -> FootprintRequest:
        """Replaces a request by what `change` makes of it, and returns that.

        Raises:
            RequestError: there is none of that id.
            StateError: it cannot be written.
        """
        with self._changing() as before:
            changed = change(_found(before.requests, request_id))
            after = (changed if one.request_id == request_id else one for one in before.requests)
            self._write(before.number + 1, tuple(after))
        return changed

    def cancel(self, request_id: str) -> FootprintRequest:
        """Lets no further run of a request begin; who works the queue ends those that have begun."""
        return self.change(request_id, _cancelled)

    def begin_term(self) -> None:
        """Has the numbers of all further changes above those of a controller that was followed; raises StateError."""
        with self._changing() as before:
            self._write((before.number // TERM + 1) * TERM, before.requests)

    def put(self, taken: Numbered) -> None:
        """Replaces the whole queue, for who holds its lock; raises StateError."""
        self._write(taken.number, taken.requests)

    def stamp(self) -> object:
        """Another value after each change."""
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as err:
            raise StateError(f"cannot read {self.path}: {err.strerror}") from err
        return found.st_mtime_ns, found.st_ino

    @contextmanager
    def working(self, *, wait_s: float = 0.0, on_wait: Callable[[str], None] = lambda text: None) -> Iterator[None]:
        """Holds the place of the one who works the queue; freed when its holder ends, however it ends.

        Raises:
            Busy: another process works it.
        """
        path = self._home.folder(_FOLDER) / f"{self._provisioner}.worker.lock"
        with held(path, f"the queue of footprints of {self._provisioner}", wait_s=wait_s, on_wait=on_wait):
            yield

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the lock for the moment that reading and writing takes; raises Busy and StateError."""
        folder = self._home.folder(_FOLDER)
        lock = folder / f"{self._provisioner}.lock"
        with held(lock, f"the queue of footprints of {self._provisioner}", wait_s=PATIENCE_S):
            sweep(folder, self.path.name)
            yield

    @contextmanager
    def _changing(self) -> Iterator[Numbered]:
        with self.locked():
            self._check()
            yield self._numbered()

    def _numbered(self) -> Numbered:
        return read_sealed(self.path, SCHEMA, _read, remedy=REMEDY) or Numbered()

    def _write(self, number: int, requests: Requests) -> None:
        content = {"number": number, "requests": [request_document(one) for one in _bounded(requests)]}
        write_sealed(self.path, SCHEMA, content)


def _read(content: Any) -> Numbered:
    if type(content["number"]) is not int:
        raise TypeError("number")
    return Numbered(number=content["number"], requests=tuple(read_request(one) for one in content["requests"]))


def _bounded(requests: Requests) -> Iterator[FootprintRequest]:
    """All that is open, and of those that have ended the newest; reasons, which may name many hosts, in brief."""
    kept = runs = 0
    dropped = set[str]()
    for one in (one for one in reversed(requests) if one.is_ended):
        kept, runs = kept + 1, runs + len(one.runs)
        if kept > MOST_ENDED or runs > MOST_ENDED_RUNS:
            dropped.add(one.request_id)
    return (_brief(one) for one in requests if one.request_id not in dropped)


def _brief(request: FootprintRequest) -> FootprintRequest:
    runs = tuple(replace(run, reason=run.reason[:LONGEST_REASON]) for run in request.runs)
    return replace(request, runs=runs)


def _found(requests: Iterable[FootprintRequest], request_id: str) -> FootprintRequest:
    known = {one.request_id: one for one in requests}
    if request_id not in known:
        raise RequestError(unknown("request", request_id, known))
    return known[request_id]


def _cancelled(request: FootprintRequest) -> FootprintRequest:
    runs = tuple(
        replace(run, status=RunStatus.CANCELLED, reason="cancelled before it began")
        if run.status is RunStatus.QUEUED
        else run
        for run in request.runs
    )
    return replace(request, runs=runs, is_cancelled=True)
