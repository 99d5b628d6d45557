"""Measures footprints from the command line, where no controller does it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from ozwald.cli.footprint_text import Waiting, exit_code, print_request
from ozwald.cli.output import emit, warn, warn_unreachable
from ozwald.cli.progress import Progress
from ozwald.cli.who import author
from ozwald.cli.workspace import Workspace
from ozwald.config.footprint_book import read_book
from ozwald.controller.footprint_desk import new_request
from ozwald.execution.footprint_worker import FootprintWorker
from ozwald.execution.workplace import Workplace
from ozwald.model.footprint import Run
from ozwald.model.footprint_document import request_document
from ozwald.remote.fleet import Fleet
from ozwald.state.footprint_book import check
from ozwald.state.footprint_queue import FootprintQueue

PATIENCE_S = 24 * 3600.0


def work_off(
    workspace: Workspace, runs: tuple[Run, ...], *, hosts: str | None, run_time_s: float | None, output: str
) -> int:
    """Measures these runs, and before them what waits already; Ctrl-C cancels them. Returns the exit code."""
    queue = FootprintQueue(workspace.home, workspace.provisioner.name)
    check(workspace.footprint_book)  # refused before any host is asked
    managed = workspace.hosts()
    request = new_request(runs, asked_by=author().owner, hosts=hosts, run_time_s=run_time_s)
    with (
        _every_end_as_ctrl_c(),
        workspace.home.changing(managed, wait_s=PATIENCE_S, on_wait=warn),
        queue.working(wait_s=PATIENCE_S, on_wait=warn),
        workspace.fleet(begin=managed) as fleet,
        Progress(None) as progress,
    ):
        earlier = [one for one in queue.requests() if not one.is_ended]
        if earlier:
            warn(f"{len(earlier)} earlier requests are measured first: ozwald footprint_services --list")
        queue.add(request)
        waiting = Waiting()
        workplace = _workplace(workspace, fleet, progress)
        worker = FootprintWorker(queue, workplace, on_change=waiting.tell, waits_for_hosts=False)
        is_interrupted = _work(worker, queue, request.request_id)
    ended = queue.find(request.request_id)
    emit(request_document(ended), output, table=lambda: print_request(ended, read_book(workspace.footprint_book)))
    warn_unreachable(workplace.silent)
    return 130 if is_interrupted else exit_code(ended)


@contextmanager
def _every_end_as_ctrl_c() -> Iterator[None]:
    """SIGTERM, and SIGHUP of a terminal that is closed, leave nothing on the hosts either; `nohup` still counts."""
    ends = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) is signal.SIG_DFL]
    for one in ends:
        signal.signal(one, signal.default_int_handler)
    try:
        yield
    finally:
        for one in ends:
            signal.signal(one, signal.SIG_DFL)


def _work(worker: FootprintWorker, queue: FootprintQueue, request_id: str) -> bool:
    """Works until the request has ended; whether that was since the user interrupted it."""
    is_interrupted = False
    try:
        worker.begin_again()
        while not queue.find(request_id).is_ended:
            try:
                worker.turn()
                worker.rest()
            except KeyboardInterrupt:
                is_interrupted = True
                queue.cancel(request_id)
    except BaseException:
        queue.cancel(request_id)
        raise
    finally:
        worker.close()
    return is_interrupted


def _workplace(workspace: Workspace, fleet: Fleet, progress: Progress) -> Workplace:
    return Workplace(
        settings=workspace.settings,
        hosts=workspace.hosts(),
        fleet=fleet,
        home=workspace.home,
        provisioner=workspace.provisioner.name,
        owner=author().owner,
        book=workspace.footprint_book,
        environment={**os.environ, **workspace.environ},
        report=progress.report,
    )
