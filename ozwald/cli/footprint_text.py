"""Requests for footprints as people read them."""

import time
from collections.abc import Sequence

from ozwald.cli.output import print_table, warn
from ozwald.model.footprint import Combination, Footprint, FootprintRequest, Run, RunStatus
from ozwald.model.units import show_age, show_bytes

_HEADINGS = ("SERVICE", "CARD", "HOST", "STATUS", "TOOK", "REASON")
_FIGURES = ("CPU", "MEMORY", "VRAM")


class Waiting:
    """Tells of each run that it waits, or that it is not measured at all, once for each kind of reason.

    The kind is what stands before the first colon: figures and who is measured before it change all the time. On a
    host, a run tells of itself.
    """

    def __init__(self) -> None:
        self._told: set[tuple[str, Combination, str | None, RunStatus, str]] = set()

    def tell(self, request: FootprintRequest, run: Run) -> None:
        """Shows what is new about a run that has no host."""
        what = (request.request_id, run.combination, run.card, run.status, run.reason.partition(":")[0])
        if run.host is None and run.reason and what not in self._told:
            self._told.add(what)
            warn(f"{run.combination} {'waits' if run.status is RunStatus.QUEUED else run.status.value}: {run.reason}")


def print_request(request: FootprintRequest, book: Sequence[Footprint]) -> None:
    """One row for each run, with how it ended and the peaks that the book has of it."""
    headings = (*_HEADINGS[:-1], *_FIGURES, _HEADINGS[-1])
    rows = [(*(row := _row(run))[:-1], *_peaks(run, book), row[-1]) for run in request.runs]
    print_table(headings, rows, empty="there was nothing to measure")


def print_requests(requests: Sequence[FootprintRequest]) -> None:
    """One row for each run of each request."""
    headings = ("REQUEST", "ASKED", "BY", *_HEADINGS)
    now = time.time()
    rows = [
        (request.request_id, f"{show_age(max(0.0, now - request.asked_at))} ago", request.author, *_row(run))
        for request in requests
        for run in request.runs
    ]
    print_table(headings, rows, empty="nothing was asked for; measure something with: ozwald footprint_services NAME")


def exit_code(request: FootprintRequest) -> int:
    """0 when all was measured that has its hardware somewhere, 4 when what was named cannot be carried, else 1."""
    statuses = {run.status for run in request.runs}
    lacking = [run for run in request.runs if run.status is RunStatus.SKIPPED and not run.if_possible]
    if statuses & {RunStatus.FAILED, RunStatus.CANCELLED}:
        return 1
    return 4 if lacking or RunStatus.MEASURED not in statuses else 0


def _row(run: Run) -> tuple[str, ...]:
    took = show_age(run.ended_at - run.begun_at) if run.begun_at and run.ended_at else "-"
    phase = f" ({run.phase.value})" if run.phase and not run.status.is_end else ""
    status = run.status.value + phase
    return str(run.combination), run.card or "-", run.host or "-", status, took, run.reason


def _peaks(run: Run, book: Sequence[Footprint]) -> tuple[str, str, str]:
    found = next((one for one in book if run.status is RunStatus.MEASURED and _is_of(one, run)), None)
    if found is None:
        return "-", "-", "-"
    usage = found.usage
    vram = "-" if usage.vram_bytes is None else show_bytes(usage.vram_bytes)
    return f"{usage.cpu_cores:.2f} cores", show_bytes(usage.memory_bytes), vram


def _is_of(footprint: Footprint, run: Run) -> bool:
    is_on_card = run.card in footprint.cards if run.card else not footprint.cards
    return (footprint.combination, footprint.host) == (run.combination, run.host) and is_on_card
