"""Takes requests to remove what nobody uses, and knows how far each is; a restart of the controller forgets them."""

import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ozwald.controller.leadership import ALONE, Leadership
from ozwald.controller.reporter import Reporter
from ozwald.errors import OzwaldError, RequestError, StateError
from ozwald.model.belongings import Prune
from ozwald.model.history import Author

MOST_RUNNING: Final = 8
MOST_KEPT: Final = 50


class UnknownPrune(OzwaldError):
    """There is no such request, or none any more."""

    http_status = 404


class TooMany(StateError):
    """So many requests are being worked on that no other is taken."""


class PruneDesk:
    """One provisioner's requests, the last ones of them; `begin` has one worked on, which tells of it by `change`."""

    def __init__(
        self, begin: Callable[[Prune], None], *, leadership: Leadership = ALONE, reporter: Reporter | None = None
    ) -> None:
        self._begin = begin
        self._leadership = leadership
        self._reporter = reporter or Reporter()
        self._lock = threading.Lock()
        self._prunes: dict[str, Prune] = {}

    def submit(
        self, hosts: Sequence[str], *, with_written: bool, dry_run: bool, wait_s: float, author: Author
    ) -> Prune:
        """Takes a request for these hosts. With `dry_run` it only looks, which is no event.

        Raises:
            NotLeading: another controller is the active one.
            TooMany: others are still being worked on.
        """
        wish = Prune(
            prune_id=secrets.token_hex(4),
            hosts=tuple(sorted(hosts)),
            with_written=with_written,
            dry_run=dry_run,
            wait_s=wait_s,
        )
        return self._take(wish, author)

    def carry_out(self, planned_id: str, *, wait_s: float, author: Author) -> Prune:
        """Takes a request to remove what a dry run has found, and nothing else.

        Raises:
            UnknownPrune: there is no such dry run.
            RequestError: it has not ended, or was none.
            NotLeading, TooMany: as `submit`.
        """
        planned = self.find(planned_id)
        if not planned.dry_run or not planned.is_ended:
            raise RequestError(f"{planned_id} is no dry run that has ended; GET /srv/prune/{planned_id}/ shows it")
        wish = replace(planned, prune_id=secrets.token_hex(4), dry_run=False, wait_s=wait_s, is_ended=False)
        return self._take(wish, author)

    def find(self, prune_id: str) -> Prune:
        """How far a request is; raises UnknownPrune."""
        with self._lock:
            if prune_id not in self._prunes:
                raise UnknownPrune(
                    f"no prune {prune_id[:100]!r}; the provisioner forgets old ones, and all at a restart: ask again"
                )
            return self._prunes[prune_id]

    def change(self, prune_id: str, change: Callable[[Prune], Prune]) -> None:
        """Notes how far a request is."""
        with self._lock:
            self._prunes[prune_id] = change(self._prunes[prune_id])

    def _take(self, wish: Prune, author: Author) -> Prune:
        self._leadership.check()
        with self._lock:
            ended = [one.prune_id for one in self._prunes.values() if one.is_ended]
            if len(self._prunes) - len(ended) >= MOST_RUNNING:
                raise TooMany(f"{MOST_RUNNING} requests to prune are being worked on; ask again when they have ended")
            for prune_id in ended[: max(0, len(self._prunes) + 1 - MOST_KEPT)]:
                del self._prunes[prune_id]
            self._prunes[wish.prune_id] = wish
        if not wish.dry_run:
            self._reporter.prune_accepted(wish, author)
        self._begin(wish)
        return wish
