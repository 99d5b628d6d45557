"""Works the queue of footprints: begins each run where there is room, and writes down what came of it."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from ozwald.errors import Failure, HostError, OzwaldError, RequestError
from ozwald.execution.clock import MONOTONIC, Clock
from ozwald.execution.health import Interrupted
from ozwald.execution.instance import LaunchFailed
from ozwald.execution.workplace import Workplace
from ozwald.model.footprint import FootprintRequest, Phase, Run, RunStatus
from ozwald.planning.footprint_order import Order, order_of
from ozwald.planning.footprint_places import on_hardware
from ozwald.planning.situation import Situation
from ozwald.state.footprint_queue import FootprintQueue

log = logging.getLogger(__name__)

MOST_ATTEMPTS: Final = 3
LOOK_EVERY_S: Final = 10.0
CLEAR_EVERY_S: Final = 30.0
TURN_EVERY_S: Final = 0.25
FINISH_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a run stands in the queue."""

    request_id: str
    index: int

    @property
    def run_id(self) -> str:
        return f"{self.request_id}-{self.index}"


@dataclass(slots=True, kw_only=True)
class _Live:
    """A run that is carried out; `outcome` is what has come of it, not written down yet."""

    run: Run
    thread: threading.Thread
    stop: threading.Event = field(default_factory=threading.Event)
    outcome: Run | None = None


class FootprintWorker:
    """One process's work on a queue, whose place it holds: a thread for each run, and one run at a time on a host.

    Two runs on one host would measure each other. `turn` is called again and again by one thread; `on_change` is told
    of each run that begins, ends or begins to wait. Without `waits_for_hosts` a run fails that only a host could carry
    which does not answer.
    """

    def __init__(
        self,
        queue: FootprintQueue,
        workplace: Workplace,
        *,
        on_change: Callable[[FootprintRequest, Run], None] = lambda request, run: None,
        waits_for_hosts: bool = True,
        clock: Clock = MONOTONIC,
    ) -> None:
        self._queue = queue
        self._workplace = workplace
        self._on_change = on_change
        self._waits_for_hosts = waits_for_hosts
        self._clock = clock
        self._live: dict[Place, _Live] = {}
        self._uncleared: frozenset[str] | None = None  # all hosts, before the first turn
        self._considered: frozenset[Place] | None = None
        self._look_at = self._clear_at = 0.0
        self._is_closing = False
        self._read: tuple[object, tuple[FootprintRequest, ...]] = (None, ())
        self._woken = threading.Event()

    def wake(self) -> None:
        """Has the next turn begin now."""
        self._woken.set()

    def rest(self) -> None:
        """Waits until it is time for the next turn."""
        self._clock.wait(self._woken, TURN_EVERY_S)
        self._woken.clear()

    def begin_again(self) -> None:
        """Lets the runs begin again that were cut when their worker ended; raises StateError."""
        for request in self._queue.requests():
            for index, run in enumerate(request.runs):
                if run.status is RunStatus.RUNNING:
                    self._write(Place(request_id=request.request_id, index=index), _again(run, "its worker ended"))

    def turn(self) -> None:
        """Writes down what has ended, ends what was cancelled, and begins what can begin.

        Raises:
            StateError: the queue cannot be read or written.
            OzwaldError: not one host can be reached.
        """
        self._write_outcomes()
        requests = self._requests()
        self._end_cancelled(requests)
        queued = _queued(requests)
        if self._uncleared is None or (self._uncleared and self._clock.now() >= self._clear_at):
            self._clear()
        if queued and (queued != self._considered or self._may_have_room()):
            self._consider(requests)

    def close(self) -> None:
        """Ends the runs that are carried out, which begin again with the next worker unless they were cancelled."""
        self._is_closing = True
        for live in self._live.values():
            live.stop.set()
        over = time.monotonic() + FINISH_S
        for live in self._live.values():
            live.thread.join(max(0.0, over - time.monotonic()))
        self._write_outcomes()
        if self._uncleared:
            self._clear()

    def _requests(self) -> tuple[FootprintRequest, ...]:
        """Read only when something has changed: nearly always, nothing has."""
        stamp = self._queue.stamp()
        if stamp != self._read[0]:
            self._read = stamp, self._queue.requests()
        return self._read[1]

    def _may_have_room(self) -> bool:
        """Whether another look may show something new; a host that is measured is not disturbed for it."""
        has_free = bool(self._workplace.hosts.keys() - {live.run.host for live in self._live.values()})
        return has_free and self._clock.now() >= self._look_at

    def _consider(self, requests: tuple[FootprintRequest, ...]) -> None:
        self._considered, self._look_at = _queued(requests), self._clock.now() + LOOK_EVERY_S
        situation = self._workplace.look()
        seen = [one if one.is_spread else self._spread(one, situation) for one in requests if not one.is_ended]
        for request in seen:
            self._try_all(request, situation)
        self._considered = _queued(seen) & _queued(self._requests())

    def _spread(self, request: FootprintRequest, situation: Situation) -> FootprintRequest:
        realms = self._workplace.realms
        spread = self._queue.change(request.request_id, lambda now: on_hardware(now, realms, situation))
        for run in spread.runs:
            if run.status.is_end:
                self._on_change(spread, run)
        return spread

    def _try_all(self, request: FootprintRequest, situation: Situation) -> None:
        for index, run in enumerate(request.runs):
            if run.status is RunStatus.QUEUED:
                self._try(request, Place(request_id=request.request_id, index=index), run, situation)

    def _clear(self) -> None:
        """Removes what runs have left that were cut."""
        alive = frozenset(place.run_id for place in self._live)
        left = self._workplace.hosts.keys() if self._uncleared is None else self._uncleared
        self._uncleared = self._workplace.clear(left, is_over=lambda run_id: run_id not in alive)
        self._clear_at = self._clock.now() + CLEAR_EVERY_S

    def _try(self, request: FootprintRequest, place: Place, run: Run, situation: Situation) -> None:
        busy = {live.run.host or "": str(live.run.combination) for live in self._live.values()}
        try:
            found = order_of(
                run,
                request,
                self._workplace.realms,
                situation,
                self._workplace.wanted(),
                run_id=place.run_id,
                busy=busy,
            )
        except RequestError as error:
            self._tell(self._write(place, replace(run, status=RunStatus.FAILED, reason=str(error))), place)
            return
        if isinstance(found, Order):
            self._begin(place, run, found)
        elif found.is_final:
            self._tell(self._write(place, replace(run, status=RunStatus.SKIPPED, reason=found.reason)), place)
        elif found.needs_silent and not self._waits_for_hosts:
            self._tell(self._write(place, replace(run, status=RunStatus.FAILED, reason=found.reason)), place)
        elif found.reason != run.reason:
            self._tell(self._write(place, replace(run, reason=found.reason)), place)

    def _begin(self, place: Place, run: Run, order: Order) -> None:
        begun = replace(
            run,
            status=RunStatus.RUNNING,
            host=order.placement.host,
            attempts=run.attempts + 1,
            begun_at=time.time(),
            reason="",
        )
        request = self._write(place, begun)
        if request.is_cancelled:
            self._write(place, replace(run, status=RunStatus.CANCELLED, reason="cancelled before it began"))
            return
        thread = threading.Thread(
            target=self._carry_out, args=(place, order), name=f"footprint-{place.run_id}", daemon=True
        )
        self._live[place] = _Live(run=begun, thread=thread)
        self._tell(request, place)
        thread.start()

    def _carry_out(self, place: Place, order: Order) -> None:
        live = self._live[place]

        def enter(phase: Phase) -> None:
            live.run = replace(live.run, phase=phase)
            try:
                self._write(place, live.run)
            except OzwaldError as error:
                log.warning("%s", error)

        live.outcome = replace(self._outcome(order, live, enter), ended_at=time.time())
        self._workplace.tell(order, _told(live.outcome), is_last=True)
        self.wake()

    def _outcome(self, order: Order, live: _Live, enter: Callable[[Phase], None]) -> Run:
        try:
            self._workplace.measure(order, on_phase=enter, stop=live.stop)
        except Interrupted:
            if self._is_closing:
                return replace(live.run, status=RunStatus.QUEUED, attempts=live.run.attempts - 1, phase=None)
            return replace(live.run, status=RunStatus.CANCELLED, reason="cancelled")
        except HostError as error:
            if error.failure is Failure.TERMINAL:
                return replace(live.run, status=RunStatus.FAILED, reason=str(error))
            return _again(live.run, str(error))
        except (LaunchFailed, OzwaldError) as error:
            return replace(live.run, status=RunStatus.FAILED, reason=str(error))
        except Exception as mistake:  # one run's surprise must not end the queue
            log.exception("%s", order.combination)
            reason = f"{type(mistake).__name__}: {mistake}; this is a mistake in ozwald"
            return replace(live.run, status=RunStatus.FAILED, reason=reason)
        return replace(live.run, status=RunStatus.MEASURED, reason="")

    def _write_outcomes(self) -> None:
        for place, live in list(self._live.items()):
            if live.outcome is not None:
                self._write_outcome(place, live.outcome)
                del self._live[place]
                self._considered, self._clear_at = None, 0.0
                self._uncleared = (self._uncleared or frozenset()) | {live.run.host or ""}

    def _write_outcome(self, place: Place, outcome: Run) -> None:
        try:
            self._tell(self._write(place, outcome), place)
        except RequestError as error:  # somebody has moved the file of the queue away
            log.warning("%s: %s", place.run_id, error)

    def _end_cancelled(self, requests: tuple[FootprintRequest, ...]) -> None:
        cancelled = {request.request_id for request in requests if request.is_cancelled}
        for place, live in self._live.items():
            if place.request_id in cancelled:
                live.stop.set()

    def _write(self, place: Place, run: Run) -> FootprintRequest:
        return self._queue.change(place.request_id, lambda request: _with_run(request, place.index, run))

    def _tell(self, request: FootprintRequest, place: Place) -> None:
        self._on_change(request, request.runs[place.index])


def _queued(requests: Iterable[FootprintRequest]) -> frozenset[Place]:
    return frozenset(
        Place(request_id=request.request_id, index=index)
        for request in requests
        for index, run in enumerate(request.runs)
        if run.status is RunStatus.QUEUED
    )


def _with_run(request: FootprintRequest, index: int, run: Run) -> FootprintRequest:
    """A run that is to begin again does not, when its request was cancelled meanwhile."""
    if request.is_cancelled and run.status is RunStatus.QUEUED:
        run = replace(run, status=RunStatus.CANCELLED, reason="cancelled")
    return replace(request, runs=(*request.runs[:index], run, *request.runs[index + 1 :]))


def _again(run: Run, reason: str) -> Run:
    """A run that was cut, from the start; it failed when that has happened too often."""
    if run.attempts >= MOST_ATTEMPTS:
        return replace(run, status=RunStatus.FAILED, reason=f"cut short {run.attempts} times, at last: {reason}")
    return replace(run, status=RunStatus.QUEUED, phase=None, reason=f"begins again: {reason}")


def _told(run: Run) -> str:
    return "done" if run.status is RunStatus.MEASURED else f"{run.status.value}: {run.reason}"
