"""Turns what the controller does and sees into events."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from ozwald.controller.board import View
from ozwald.controller.journal import Journal
from ozwald.execution.steps import Result
from ozwald.model.active import ActiveService, Status
from ozwald.model.belongings import Prune, Removal
from ozwald.model.event import EventKind
from ozwald.model.footprint import FootprintRequest, Run, RunStatus
from ozwald.model.history import Author, ChangeKind, InstanceChange
from ozwald.model.plan import InstanceKey, Operation
from ozwald.model.wanted import WantedSet
from ozwald.planning.set_changes import changes

MOST_NAMED = 20

_FOOTPRINT_KINDS = {
    RunStatus.RUNNING: EventKind.FOOTPRINT_BEGUN,
    RunStatus.MEASURED: EventKind.FOOTPRINT_MEASURED,
    RunStatus.FAILED: EventKind.FOOTPRINT_FAILED,
    RunStatus.SKIPPED: EventKind.FOOTPRINT_FAILED,
    RunStatus.CANCELLED: EventKind.FOOTPRINT_CANCELLED,
}

_Place = tuple[InstanceKey, str | None]


class Reporter:
    """Writes into one journal. May be used by any thread; without a journal, into one that is thrown away."""

    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal or Journal()
        self._redis_is_lost = False

    def started(self, url: str) -> None:
        """The controller listens at this address."""
        self._journal.note(EventKind.CONTROLLER_STARTED, text=f"listens on {url}")

    def stopped(self) -> None:
        """The controller ends as it was asked to."""
        self._journal.note(EventKind.CONTROLLER_STOPPED)

    def reloaded(self, path: str, refusal: str = "") -> None:
        """The settings were read again, or the new ones were refused."""
        text = f"the old settings stay: {refusal}" if refusal else f"from {path}"
        self._journal.note(EventKind.SETTINGS_RELOADED, text=text)

    def accepted(self, wanted: WantedSet, before: WantedSet | None, author: Author) -> None:
        """A request has become durable."""
        told = [_change_text(one) for one in changes(before.instances if before else (), wanted.instances)]
        told += [f"restart {one.key}" for one in wanted.restarts if before and one not in before.restarts]
        more = f", and {len(told) - MOST_NAMED} more" if len(told) > MOST_NAMED else ""
        self._journal.note(
            EventKind.REQUEST_ACCEPTED,
            text=", ".join(told[:MOST_NAMED]) + more,
            generation=wanted.generation,
            author=f"{author.owner}: {author.command}",
        )

    def prune_accepted(self, prune: Prune, author: Author) -> None:
        """A request to remove what nobody uses was taken."""
        more = f", and {len(prune.hosts) - MOST_NAMED} more" if len(prune.hosts) > MOST_NAMED else ""
        volumes = " with volumes" if prune.with_written else ""
        self._journal.note(
            EventKind.REQUEST_ACCEPTED,
            text=f"prune {prune.prune_id}{volumes}: {', '.join(prune.hosts[:MOST_NAMED])}{more}",
            author=f"{author.owner}: {author.command}",
        )

    def prune_begun(self, host: str) -> None:
        """A host is free, and what nobody uses there is about to be removed."""
        self._journal.note(EventKind.OPERATION_BEGUN, text="prune", host=host)

    def pruned(self, host: str, results: Sequence[Removal]) -> None:
        """What became of it, also where nothing could be tried."""
        failed = [f"{one.belonging.kind} {one.belonging.name}: {one.error}" for one in results if one.error]
        text = "; ".join((f"{len(results) - len(failed)} removed", *failed[:MOST_NAMED]))
        kind = EventKind.OPERATION_FAILED if failed else EventKind.OPERATION_FINISHED
        self._journal.note(kind, text=f"prune: {text}", host=host)

    def footprint_accepted(self, request: FootprintRequest, author: Author) -> None:
        """A request for footprints has become durable."""
        named = [str(run.combination) for run in request.runs]
        more = f", and {len(named) - MOST_NAMED} more" if len(named) > MOST_NAMED else ""
        self._journal.note(
            EventKind.FOOTPRINT_ACCEPTED,
            text=f"request {request.request_id}: {', '.join(named[:MOST_NAMED])}{more}",
            author=f"{author.owner}: {author.command}",
        )

    def footprint(self, request: FootprintRequest, run: Run) -> None:
        """A run has begun or ended; those that wait are no event."""
        if (kind := _FOOTPRINT_KINDS.get(run.status)) is not None:
            words = " ".join(filter(None, (str(run.combination), f"on {run.card}" if run.card else "", run.reason)))
            combination = run.combination
            self._journal.note(
                kind,
                text=f"request {request.request_id}: {words}",
                host=run.host,
                key=InstanceKey(realm=combination.realm, name=combination.service),
                service=combination.service,
            )

    def reporting(self, carry_out: Callable[[Operation], Result]) -> Callable[[Operation], Result]:
        """Does what `carry_out` does, and tells how an operation begins and ends."""

        def carry_out_and_report(operation: Operation) -> Result:
            self._operation(EventKind.OPERATION_BEGUN, operation, operation.reason)
            result = carry_out(operation)
            kind = EventKind.OPERATION_FAILED if result.error else EventKind.OPERATION_FINISHED
            self._operation(kind, operation, result.error)
            return result

        return carry_out_and_report

    def redis(self, problem: str) -> None:
        """Redis was just asked; told once when it is lost and once when it is back."""
        if bool(problem) != self._redis_is_lost:
            self._redis_is_lost = bool(problem)
            self._journal.note(EventKind.REDIS_LOST if problem else EventKind.REDIS_BACK, text=problem)

    def seen(self, before: View, now: View) -> None:
        """The loop has looked: hosts that went or came back, services that are not as they were.

        The first time, only what is not well is told.
        """
        if before.number == 0:
            before = _as_if_well(now)
        if before.number != now.number:
            self._hosts(before.hosts, now.hosts)
            self._services(before, now)

    def _operation(self, kind: EventKind, operation: Operation, text: str) -> None:
        self._journal.note(
            kind,
            text=f"{operation.action}: {text}" if text else operation.action.value,
            host=operation.host,
            key=operation.key,
            service=operation.placement.spec.service if operation.placement else None,
        )

    def _hosts(self, before: Mapping[str, str], now: Mapping[str, str]) -> None:
        for host, problem in now.items():
            if bool(problem) != bool(before.get(host, "")):
                kind = EventKind.HOST_UNREACHABLE if problem else EventKind.HOST_REACHABLE
                self._journal.note(kind, host=host, text=problem)

    def _services(self, before: View, now: View) -> None:
        known, here = _by_place(before), _by_place(now)
        for place, service in here.items():
            former = known.get(place) or known.get((service.key, None))
            if former is None or former.status is not service.status:
                self._status(service, f"{former.status} -> {service.status}" if former else service.status.value)
        for place in known.keys() - here.keys() - {(service.key, None) for service in here.values()}:
            self._status(known[place], f"{known[place].status} -> gone")

    def _status(self, service: ActiveService, text: str) -> None:
        self._journal.note(
            EventKind.SERVICE_STATUS,
            text=f"{text}: {service.reason}" if service.reason else text,
            host=service.host,
            key=service.key,
            service=service.service,
            generation=service.generation,
        )


def _by_place(view: View) -> dict[_Place, ActiveService]:
    return {(one.key, one.host): one for one in view.services}


def _as_if_well(view: View) -> View:
    services = tuple(one for one in view.services if one.status is Status.AVAILABLE)
    return replace(view, number=0, services=services, hosts={})


def _change_text(change: InstanceChange) -> str:
    if change.kind is not ChangeKind.CHANGED:
        return f"{change.kind} {change.key}"
    values = ", ".join(f"{name} {was or 'none'} -> {now or 'none'}" for name, (was, now) in change.values.items())
    return f"{change.kind} {change.key} ({values})"
