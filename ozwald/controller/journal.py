"""The journal: what happened, kept in memory and on disk, for all who ask and those who wait for more."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile
from typing import Any, Final

from ozwald.errors import StateError
from ozwald.model.event import Event, EventKind
from ozwald.planning.events import EventQuery, choose_events
from ozwald.state.event_file import EventFile

log = logging.getLogger(__name__)

# Some 3 MB; about as many as the files hold.
MOST_EVENTS: Final = 10_000


class Journal:
    """One provisioner's events. May be used by any thread; `wall` tells seconds since the epoch.

    An event that cannot be written is still there until the controller ends.
    """

    def __init__(self, file: EventFile | None = None, *, wall: Callable[[], float] = time.time) -> None:
        self._file = file
        self._wall = wall
        self._events: deque[Event] = deque(_kept(file), MOST_EVENTS)
        self._changed = threading.Condition()
        self._is_closed = self._is_failing = False

    def note(self, kind: EventKind, **parts: Any) -> None:
        """Something has happened; `parts` are the other fields of an Event."""
        with self._changed:
            now = self._wall()
            event = Event(id=max(self._last_id + 1, int(now * 1e6)), at=now, kind=kind, **parts)
            self._events.append(event)
            self._write(event)
            self._changed.notify_all()

    def merge(self, events: Iterable[Event]) -> None:
        """Takes in what another controller of the provisioner has told."""
        with self._changed:
            fresh = list(events)
            for event in fresh:
                self._write(event)
            if fresh:
                self._events = deque(sorted([*self._events, *fresh], key=lambda one: one.id), MOST_EVENTS)
                self._changed.notify_all()

    def unknown(self, numbers: Iterable[int]) -> set[int]:
        """Those ids of which there is no event here."""
        with self._changed:
            return set(numbers) - {event.id for event in self._events}

    def after(self, number: int) -> Sequence[Event]:
        """The events with a higher id, oldest first."""
        with self._changed:
            return self._newer_than(number)

    def choose(self, query: EventQuery) -> list[Event]:
        """The events that are asked for, oldest first."""
        return self.wait_for(query, wait_s=0.0)

    def wait_for(self, query: EventQuery, *, wait_s: float) -> list[Event]:
        """The events that are asked for as soon as there are any, none after that many seconds."""
        over = time.monotonic() + wait_s
        with self._changed:
            while True:
                found = choose_events(self._newer_than(query.after), query)
                left_s = over - time.monotonic()
                if found or left_s <= 0 or self._is_closed:
                    return found
                self._changed.wait(left_s)

    def has(self, number: int) -> bool:
        """Whether the event of that id, or a later one, has happened."""
        return number <= self._last_id

    def close(self) -> None:
        """Lets nobody wait any more."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    @property
    def _last_id(self) -> int:
        return self._events[-1].id if self._events else 0

    def _newer_than(self, number: int | None) -> Sequence[Event]:
        """Those that may be asked for; who follows asks for few of many."""
        if number is None:
            return tuple(self._events)
        return tuple(takewhile(lambda event: event.id > number, reversed(self._events)))[::-1]

    def _write(self, event: Event) -> None:
        try:
            if self._file is not None:
                self._file.append(event)
        except StateError as error:
            if not self._is_failing:
                log.warning("events are not kept: %s", error)
            self._is_failing = True
        else:
            self._is_failing = False


def _kept(file: EventFile | None) -> list[Event]:
    try:
        return file.read() if file is not None else []
    except StateError as error:
        log.warning("%s", error)
        return []
