"""What the controllers of a provisioner tell each other through Redis, so that who takes over knows it at once.

None of it is needed to be right: the truth is on the hosts, and what is wanted on disk.
"""

import json
import logging
import math
from typing import Final

from ozwald.controller.board import Board
from ozwald.controller.journal import Journal
from ozwald.model.event import Event, event_document, read_event
from ozwald.model.resource_document import read_resources, resource_document
from ozwald.model.resources import HostResources
from ozwald.state.lease import Candidate
from ozwald.state.records import Records

log = logging.getLogger(__name__)

# Of a long history so much is exchanged in one turn with Redis, which others wait for.
PAGE: Final = 500
PAGES: Final = 4
_DAMAGE: Final = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError)


class Shared:
    """The board's facts and the journal's events, here and in Redis. Used by one thread; calls may raise StateError."""

    def __init__(self, records: Records, board: Board, journal: Journal, candidate: Candidate) -> None:
        self._records = records
        self._board = board
        self._journal = journal
        self._candidate = candidate
        self._told: dict[str, HostResources] = {}
        self._read_to = 0
        self._has_recalled = False

    def start_over(self) -> None:
        """Takes nothing for told: it may be another Redis by now, or another controller has written meanwhile."""
        self._told, self._has_recalled = {}, False

    def take(self) -> None:
        """Learns what the active controller has told."""
        if not self._has_recalled:
            found = self._records.facts().items()
            self._board.recall({host: facts for host, text in found if (facts := _facts(host, text))})
            self._has_recalled = True
        self._take_events(self._records.last_event())

    def keep(self) -> None:
        """Learns what was told before, and tells what is new; for the active controller."""
        self.take()
        self._tell_facts()
        self._tell_events()

    def _take_events(self, last: int) -> None:
        if last < self._read_to:
            self._read_to = 0
        for _ in range(PAGES):
            if self._read_to >= last:
                return
            page = self._records.events_after(self._read_to, most=PAGE)
            unknown = self._journal.unknown(number for number, _ in page)
            self._journal.merge(event for number, text in page if number in unknown and (event := _event(number, text)))
            self._read_to = page[-1][0] if page else last

    def _tell_facts(self) -> None:
        """Before the first pass nothing is known of who is managed."""
        view, known = self._board.view, self._records.hosts()
        if not view.number:
            return
        facts = {
            host: one for host, one in view.resources.items() if self._told.get(host) is not one or host not in known
        }
        gone = known - view.hosts.keys()
        if facts or gone:
            texts = {host: json.dumps(resource_document(one, now=one.observed_at)) for host, one in facts.items()}
            self._records.tell_facts(self._candidate, texts, without=gone)
            self._told |= facts

    def _tell_events(self) -> None:
        for _ in range(PAGES):
            last = self._records.last_event()
            if self._read_to < last:
                return  # others' come first, as ids only grow
            events = self._journal.after(last)[:PAGE]
            if not events:
                return
            texts = [(event.id, json.dumps(event_document(event))) for event in events]
            self._records.tell_events(self._candidate, texts)
            self._read_to = events[-1].id


def _facts(host: str, text: str) -> HostResources | None:
    """None for what is damaged."""
    try:
        facts = read_resources(json.loads(text))
        return facts if facts.host == host and math.isfinite(facts.observed_at) else None
    except _DAMAGE:
        log.debug("%s: its damaged facts in Redis are left out", host)
        return None


def _event(number: int, text: str) -> Event | None:
    """None for what is damaged."""
    try:
        event = read_event(json.loads(text))
        return event if event.id == number else None
    except _DAMAGE:
        log.debug("the damaged event %d in Redis is left out", number)
        return None
