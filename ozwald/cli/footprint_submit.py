"""Asks a controller for footprints, shows its queue and how a request goes on; the queue also without a controller."""

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import click

from ozwald.cli.controllers import Controller, live_controller
from ozwald.cli.footprint_text import Waiting, exit_code, print_request, print_requests
from ozwald.cli.output import emit, warn
from ozwald.cli.progress import Progress
from ozwald.cli.workspace import Workspace
from ozwald.client import Client, MeasuredService
from ozwald.config.footprint_book import read_book
from ozwald.errors import OzwaldError
from ozwald.execution.steps import Step
from ozwald.model.footprint import Footprint, FootprintRequest, Run, RunStatus
from ozwald.model.footprint_document import read_request, request_document
from ozwald.model.plan import InstanceKey
from ozwald.planning.footprint_runs import Choice
from ozwald.state.footprint_queue import FootprintQueue

LOOK_EVERY_S: Final = 0.5
_LIST: Final = "ozwald footprint_services --list"


def submit(
    workspace: Workspace,
    controller: Controller,
    choices: Sequence[Choice],
    *,
    hosts: str | None,
    run_time_s: float | None,
    is_waiting: bool,
    output: str,
) -> int:
    """Asks a controller to measure; returns at once, or with `is_waiting` when all has ended. Returns the exit code."""
    services = [_service(choice) for choice in choices]
    request_id = controller.client.footprint(services, host=hosts, run_time_s=run_time_s)
    if not is_waiting:
        document = {"status": "accepted", "request_id": request_id}
        emit(document, output, table=lambda: click.echo(f"accepted as request {request_id}; see: {_LIST}"))
        return 0
    try:
        ended = _followed(controller.client, request_id)
    except KeyboardInterrupt:
        warn(f"the controller goes on with it; to cancel it: ozwald footprint_services --cancel {request_id}")
        raise
    emit(request_document(ended), output, table=lambda: print_request(ended, _book(workspace)))
    return exit_code(ended)


def _book(workspace: Workspace) -> Sequence[Footprint]:
    """What was measured, where this machine has the book."""
    with suppress(OzwaldError):
        return read_book(workspace.footprint_book)
    return ()


def listed(workspace: Workspace, output: str) -> int:
    """Shows the queue."""
    with live_controller(workspace) as controller:
        if controller is not None:
            requests = _requests(controller.client)
        else:
            requests = list(FootprintQueue(workspace.home, workspace.provisioner.name).requests())
    emit([request_document(one) for one in requests], output, table=lambda: print_requests(requests))
    return 0


def cancel(workspace: Workspace, request_id: str, output: str) -> int:
    """Cancels a request; a command that measures it ends what it does."""
    with live_controller(workspace) as controller:
        if controller is not None:
            request = read_request(controller.client.cancel_footprint(request_id))
        else:
            request = FootprintQueue(workspace.home, workspace.provisioner.name).cancel(request_id)
    emit(request_document(request), output, table=lambda: click.echo(f"cancelled request {request_id}"))
    return 0


def _followed(client: Client, request_id: str) -> FootprintRequest:
    """Shows how a request goes on until it has ended."""
    with Progress(None) as progress:
        shown, waiting = dict[int, str](), Waiting()
        while True:
            request = next(one for one in _requests(client) if one.request_id == request_id)
            for number, run in enumerate(request.runs):
                waiting.tell(request, run)
                if run.host is not None and (text := _told(run)) != shown.get(number):
                    shown[number] = text
                    _show(progress, run, text)
            if request.is_ended:
                return request
            time.sleep(LOOK_EVERY_S)


def _show(progress: Progress, run: Run, text: str) -> None:
    key = InstanceKey(realm=run.combination.realm, name=run.combination.words)
    progress.report(Step(key=key, host=run.host or "", text=text, is_last=run.status.is_end))


def _told(run: Run) -> str:
    if run.status is RunStatus.MEASURED:
        return "done"
    if run.status is RunStatus.RUNNING:
        return run.phase.value if run.phase else "begins"
    return f"{run.status.value}: {run.reason}" if run.reason else run.status.value


def _requests(client: Client) -> list[FootprintRequest]:
    return [read_request(one) for one in client.footprint_requests()]


def _service(choice: Choice) -> MeasuredService:
    definition = choice.definition
    return {
        "service_name": definition.name,
        "realm": definition.realm,
        "variety": choice.variety,
        "profile": choice.profile,
    }
