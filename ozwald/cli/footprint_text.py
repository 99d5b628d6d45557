"""Requests for footprints as people read them."""

from collections import Counter
from collections.abc import Iterable

from ozwald.cli.output import print_table
from ozwald.model.footprint import FootprintRequest, Run, RunStatus
from ozwald.model.units import show_age


def print_request(request: FootprintRequest) -> None:
    """One row for each run, with how it ended."""
    headings = ("SERVICE", "CARD", "HOST", "STATUS", "TOOK", "REASON")
    print_table(headings, [_row(run) for run in request.runs], empty="there was nothing to measure")


def exit_code(request: FootprintRequest) -> int:
    """0 when all was measured that has its hardware somewhere, 4 when what was named cannot be carried, else 1."""
    statuses = {run.status for run in request.runs}
    lacking = [run for run in request.runs if run.status is RunStatus.SKIPPED and not run.if_possible]
    if statuses & {RunStatus.FAILED, RunStatus.CANCELLED}:
        return 1
    return 4 if lacking or RunStatus.MEASURED not in statuses else 0


def counted(runs: Iterable[Run]) -> str:
    """`2 measured, 1 failed`."""
    counts = Counter(run.status for run in runs)
    return ", ".join(f"{counts[status]} {status.value}" for status in RunStatus if counts[status])


def _row(run: Run) -> tuple[str, ...]:
    took = show_age(run.ended_at - run.begun_at) if run.begun_at and run.ended_at else "-"
    phase = f" ({run.phase.value})" if run.phase and not run.status.is_end else ""
    status = run.status.value + phase
    return str(run.combination), run.card or "-", run.host or "-", status, took, run.reason
