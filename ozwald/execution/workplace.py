"""What a worker of footprints needs of the world: the settings, the hosts, the book and the logs."""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ozwald.errors import RequestError, StateError
from ozwald.execution.footprint_remains import remove_remains
from ozwald.execution.gates import HostGates
from ozwald.execution.health import Patience
from ozwald.execution.labels import Ownership
from ozwald.execution.measuring import BASELINE_S, Bench, measured
from ozwald.execution.observe import observe
from ozwald.execution.steps import Report, Step
from ozwald.model.footprint import Phase
from ozwald.model.host import Host
from ozwald.model.plan import InstanceKey
from ozwald.model.realm import Realm
from ozwald.model.secrecy import without_secrets
from ozwald.model.settings import Settings
from ozwald.model.wanted import WantedSet
from ozwald.planning.footprint_order import Order
from ozwald.planning.situation import Situation
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from ozwald.remote.sampler import open_sampler
from ozwald.state.footprint_book import check, record
from ozwald.state.footprint_logs import FootprintLogs
from ozwald.state.home import DataFolder
from ozwald.state.traces import Traces
from ozwald.state.wanted import read_wanted, wanted_path

log = logging.getLogger(__name__)


@dataclass(slots=True, kw_only=True)
class Workplace:
    """One provisioner's; `settings` and `hosts` may be replaced between two turns.

    `book` is the file of footprints, None where nothing is measured; `environment` is what scripts of the controller
    get; `report` is told every step; `guard` stands before every engine, and a run is inside its host's gate, one of
    `gates`. `silent` are the hosts that did not answer at the last look, each with the reason.
    """

    settings: Settings
    hosts: Mapping[str, Host]
    fleet: Fleet
    home: DataFolder
    provisioner: str
    owner: str
    book: Path | None
    environment: Mapping[str, str]
    report: Report = lambda step: None
    guard: Callable[[Engine], Engine] = lambda engine: engine
    patience: Patience = field(default_factory=Patience)
    baseline_s: float = BASELINE_S
    silent: Mapping[str, str] = field(default_factory=dict)
    gates: HostGates = field(default_factory=HostGates)

    @property
    def realms(self) -> Mapping[str, Realm]:
        return self.settings.realms

    def look(self) -> Situation:
        """Looks at all hosts; raises NothingReachable."""
        situation = observe(
            self.fleet,
            self.settings.inventory,
            self.hosts,
            controller=self.home.controller_id(),
            with_networks=True,
        )
        self.silent = situation.unreachable
        return situation

    def wanted(self) -> WantedSet | None:
        """What is wanted besides; raises StateError."""
        return read_wanted(wanted_path(self.home, self.provisioner))

    def clear(self, hosts: Iterable[str], *, is_over: Callable[[str], bool]) -> frozenset[str]:
        """Removes what runs have left on these hosts, and returns those where that is not known to be done."""

        def clear_one(host: Host) -> list[str]:
            return remove_remains(self._engine(host), controller=controller, is_over=is_over)

        controller = self.home.controller_id()
        known = [self.hosts[name] for name in hosts if name in self.hosts]
        failures = self.fleet.each(known, clear_one).failures
        for error in failures.values():
            log.debug("what runs may have left is not removed yet: %s", error)
        return frozenset(failures)

    def measure(self, order: Order, *, on_phase: Callable[[Phase], None], stop: threading.Event) -> None:
        """Carries a run out and puts what it measured into the book; see `measured` for what is raised."""
        if self.book is None:
            raise RequestError("OZWALD_FOOTPRINT_DATA is not set: it names the file that footprints are kept in")
        check(self.book)
        host = self.hosts[order.placement.host]
        bench = Bench(
            host=host,
            engine=lambda: self._engine(host),
            open_sampler=lambda: open_sampler(self.fleet.connection(host)),
            ownership=self._ownership(order),
            report=lambda step: self.tell(order, step.text, step=step),
            on_phase=on_phase,
            keep_log=lambda written: self._keep_log(order, written),
            environment=self.environment,
            stop=stop,
            patience=self.patience,
            baseline_s=self.baseline_s,
        )
        with self.gates.inside(host.name, stop):
            footprint, trace = measured(order, bench)
        record(self.book, footprint)
        try:
            Traces(self.home).keep(footprint, trace)
        except StateError as error:
            log.warning("%s", error)

    def tell(self, order: Order, text: str, *, step: Step | None = None, is_last: bool = False) -> None:
        """Shows a step of a run, and keeps it in the runner's log unless it is passing."""
        combination, host = order.combination, order.placement.host
        told = step or Step(key=order.placement.key, host=host, text=text)
        told = replace(told, key=InstanceKey(realm=combination.realm, name=combination.words), is_last=is_last)
        self.report(told)
        if not told.passing:
            self._log(order, f"{host}: {told.text}\n{told.detail}".rstrip())

    def _engine(self, host: Host) -> Engine:
        return self.guard(self.fleet.connection(host).engine())

    def _ownership(self, order: Order) -> Ownership:
        return Ownership(
            provisioner=self.provisioner,
            controller=self.home.controller_id(),
            generation=0,
            owner=self.owner,
            footprint=order.run_id,
            measures=str(order.combination),
        )

    def _log(self, order: Order, line: str) -> None:
        try:
            FootprintLogs(self.home).tell(order.combination, line, at=time.time())
        except StateError as error:
            log.warning("%s", error)

    def _keep_log(self, order: Order, written: bytes) -> None:
        environment = order.placement.spec.environment
        text = without_secrets(written.decode("utf-8", "backslashreplace"), environment)
        try:
            FootprintLogs(self.home).keep(order.combination, text.encode())
        except StateError as error:
            log.warning("%s", error)
