"""Works the queue of footprints for as long as the controller lives and leads."""

import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from ozwald.controller.charge import Charge
from ozwald.controller.fence import fenced
from ozwald.controller.footprint_desk import FootprintDesk, nothing
from ozwald.controller.leadership import Leadership, NotLeading
from ozwald.controller.reporter import Reporter
from ozwald.errors import OzwaldError
from ozwald.execution.footprint_worker import FootprintWorker
from ozwald.execution.gates import HostGates
from ozwald.execution.steps import Step
from ozwald.execution.workplace import Workplace
from ozwald.model.footprint import FootprintRequest, Run
from ozwald.remote.fleet import Fleet
from ozwald.state.footprint_queue import FootprintQueue
from ozwald.state.locks import Busy

log = logging.getLogger(__name__)

TRY_AGAIN_S: Final = 5.0
FINISH_S: Final = 20.0


class FootprintWatch:
    """Has a worker while this controller is the active one; runs that are cut begin again with the next.

    `on_stored` has Redis told before a request is acknowledged, `on_change`, of a run, must not wait for it.
    """

    def __init__(
        self,
        charge: Charge,
        fleet: Fleet,
        *,
        book: Path | None,
        environment: Mapping[str, str],
        leadership: Leadership,
        reporter: Reporter,
        gates: HostGates | None = None,
        on_stored: Callable[[], None] = nothing,
        on_change: Callable[[], None] = nothing,
    ) -> None:
        self._charge = charge
        self._fleet = fleet
        self._book = book
        self._environment = environment
        self._leadership = leadership
        self._reporter = reporter
        self._on_change = on_change
        self._gates = gates or HostGates()
        self._queue = FootprintQueue(charge.home, charge.provisioner, check=leadership.check)
        self._workplace: Workplace | None = None
        self._worker: FootprintWorker | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="footprints", daemon=True)
        self._problem = ""
        self.desk = FootprintDesk(
            queue=self._queue,
            book=book,
            leadership=leadership,
            reporter=reporter,
            on_stored=on_stored,
            wake=self.wake,
        )

    def take(self, charge: Charge) -> None:
        """Works by other settings and hosts from the next run on."""
        self._charge = charge
        if (workplace := self._workplace) is not None:
            workplace.settings, workplace.hosts = charge.settings, charge.hosts
        self.wake()

    def wake(self) -> None:
        """Has the queue looked at now."""
        if (worker := self._worker) is not None:
            worker.wake()

    def start(self) -> None:
        """Works in a thread of its own from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Ends what is measured and waits until nothing of it is left, but not for a host that does not answer."""
        self._stopped.set()
        self.wake()
        self._thread.join(FINISH_S)

    def _run(self) -> None:
        while not self._stopped.is_set():
            try:
                with self._queue.working():
                    self._work()
            except (Busy, NotLeading) as error:
                log.debug("footprints wait: %s", error)
            except OzwaldError as error:
                self._warn(error)
            except Exception:
                log.exception("the work on footprints failed")
            self._stopped.wait(TRY_AGAIN_S)

    def _work(self) -> None:
        self._leadership.check()
        self._workplace = self._made_workplace()
        worker = self._worker = FootprintWorker(self._queue, self._workplace, on_change=self._tell)
        try:
            self._begin_term()
            worker.begin_again()
            while not self._stopped.is_set():
                self._leadership.check()
                self._turn(worker)
                worker.rest()
        finally:
            self._worker = None
            worker.close()

    def _tell(self, request: FootprintRequest, run: Run) -> None:
        self._reporter.footprint(request, run)
        self._on_change()

    def _begin_term(self) -> None:
        """So that what a controller writes that was cut off from Redis, and followed, does not win."""
        if not self._leadership.is_alone:
            self._queue.begin_term()

    def _turn(self, worker: FootprintWorker) -> None:
        """What goes wrong in one turn may be right in the next."""
        try:
            worker.turn()
            self._problem = ""
        except OzwaldError as error:
            self._warn(error)
            self._stopped.wait(TRY_AGAIN_S)

    def _made_workplace(self) -> Workplace:
        charge = self._charge
        return Workplace(
            settings=charge.settings,
            hosts=charge.hosts,
            fleet=self._fleet,
            home=charge.home,
            provisioner=charge.provisioner,
            owner=charge.owner,
            book=self._book,
            environment=self._environment,
            report=_log,
            guard=lambda engine: fenced(engine, self._leadership),
            gates=self._gates,
        )

    def _warn(self, error: OzwaldError) -> None:
        if str(error) != self._problem:
            log.warning("footprints wait: %s", error)
        self._problem = str(error)


def _log(step: Step) -> None:
    if not step.passing:
        log.info("%s: footprint of %s: %s", step.host, step.key, step.text)
