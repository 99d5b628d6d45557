"""Requests for footprints as people read them."""

import time
from collections.abc import Sequence

from ozwald.cli.output import print_table
from ozwald.model.footprint import FootprintRequest, Run, RunStatus
from ozwald.model.units import show_age

_HEADINGS = ("SERVICE", "CARD", "HOST", "STATUS", "TOOK", "REASON")


def print_request(request: FootprintRequest) -> None:
    """One row for each run, with how it ended."""
    print_table(_HEADINGS, [_row(run) for run in request.runs], empty="there was nothing to measure")


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
