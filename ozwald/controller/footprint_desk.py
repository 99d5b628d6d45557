"""Takes requests for footprints: what is accepted here is on disk before the answer goes out."""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ozwald.controller.leadership import ALONE, Leadership
from ozwald.controller.reporter import Reporter
from ozwald.errors import OzwaldError, RequestError, StateError
from ozwald.model.footprint import FootprintRequest, Run
from ozwald.model.history import Author
from ozwald.planning.footprint_runs import Choice, runs_of
from ozwald.state.footprint_queue import FootprintQueue

LONGEST_PATTERN: Final = 1000


class UnknownRequest(OzwaldError):
    """There is no request of that id."""

    http_status = 404


class NoBook(StateError):
    """The controller does not know where footprints are kept."""


def nothing() -> None:
    """For where nobody has to be told."""


@dataclass(slots=True, kw_only=True)
class FootprintDesk:
    """One provisioner's queue, as requests change it; `book` is where footprints are kept.

    `on_stored` has Redis told of what was written, `wake` the worker.
    """

    queue: FootprintQueue
    book: Path | None
    leadership: Leadership = ALONE
    reporter: Reporter = field(default_factory=Reporter)
    on_stored: Callable[[], None] = nothing
    wake: Callable[[], None] = nothing

    def requests(self) -> tuple[FootprintRequest, ...]:
        """All that is asked for and the last ones that have ended, oldest first; raises StateError."""
        return self.queue.requests()

    def submit(
        self, choices: Sequence[Choice], *, hosts: str | None, run_time_s: float | None, author: Author
    ) -> FootprintRequest:
        """Makes a request durable and wakes the worker.

        Raises:
            RequestError: there is nothing to measure, or the pattern of hosts is too long.
            NotLeading: another controller is the active one.
            StateError: it could not be written, or footprints could not be kept.
        """
        self.leadership.check()
        if self.book is None:
            raise NoBook(
                "the provisioner does not know where to keep footprints: set OZWALD_FOOTPRINT_DATA in its environment "
                "or .env, then: ozwald stop_provisioner, ozwald start_provisioner"
            )
        request = new_request(runs_of(choices), asked_by=author.owner, hosts=hosts, run_time_s=run_time_s)
        self.queue.add(request)
        self.reporter.footprint_accepted(request, author)
        self.on_stored()
        self.wake()
        return request

    def cancel(self, request_id: str) -> FootprintRequest:
        """Lets no further run of a request begin, and ends those that have.

        Raises:
            UnknownRequest: there is none of that id.
            NotLeading: another controller is the active one.
            StateError: it could not be written.
        """
        self.leadership.check()
        try:
            request = self.queue.cancel(request_id)
        except RequestError as error:
            raise UnknownRequest(str(error)) from error
        self.on_stored()
        self.wake()
        return request


def new_request(
    runs: tuple[Run, ...], *, asked_by: str, hosts: str | None, run_time_s: float | None
) -> FootprintRequest:
    """A request with an id of its own; raises RequestError where its pattern of hosts would fill the queue."""
    if hosts is not None and len(hosts) > LONGEST_PATTERN:
        raise RequestError(
            f"the pattern of hosts has {len(hosts)} characters, more than {LONGEST_PATTERN}: use a group"
        )
    return FootprintRequest(
        request_id=secrets.token_hex(4),
        asked_at=time.time(),
        author=asked_by,
        runs=runs,
        hosts=hosts,
        run_time_s=run_time_s,
    )
