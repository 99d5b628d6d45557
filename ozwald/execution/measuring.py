"""Measures one service once: makes a container for it, samples it through all phases, and removes all that was made."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from ozwald.errors import HostError, OzwaldError
from ozwald.execution.clock import MONOTONIC, Clock
from ozwald.execution.footprint_remains import remove_remains
from ozwald.execution.health import Interrupted, Patience
from ozwald.execution.instance import Instance
from ozwald.execution.labels import Ownership
from ozwald.execution.needs import furnish, prepare
from ozwald.execution.recorder import Recorder
from ozwald.execution.run_script import ScriptFailed, ScriptResult, run_in_container, run_on_controller
from ozwald.execution.steps import Report
from ozwald.footprint.course import Trace
from ozwald.model.container import ObservedPort
from ozwald.model.footprint import Footprint, Phase
from ozwald.model.host import Connection, Host
from ozwald.model.plan import Action, Operation
from ozwald.model.secrecy import without_secrets
from ozwald.model.service import RunScript
from ozwald.planning.apart import kept_apart
from ozwald.planning.footprint_order import Order
from ozwald.remote.engine import Engine
from ozwald.remote.sampler import Sampler

log = logging.getLogger(__name__)

BASELINE_S: Final = 3.0
SCRIPT_S: Final = 3600.0
LOG_BYTES: Final = 256 * 1024
LOOK_EVERY_S: Final = 0.2
STATE_EVERY_S: Final = 2.0
OUT_OF_MEMORY: Final = "out of memory"
HERE: Final = "127.0.0.1"


class RunFailed(OzwaldError):
    """What was to be measured could not be; the text says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """The host that a run is measured on, and who is told.

    `engine` and `open_sampler` connect again where the link was lost; `environment` is what a script of the controller
    gets besides the service's address; `keep_log` is given what the container wrote.
    """

    host: Host
    engine: Callable[[], Engine]
    open_sampler: Callable[[], Sampler]
    ownership: Ownership
    report: Report
    on_phase: Callable[[Phase], None]
    keep_log: Callable[[bytes], None]
    environment: Mapping[str, str]
    stop: threading.Event
    patience: Patience = field(default_factory=Patience)
    clock: Clock = MONOTONIC
    baseline_s: float = BASELINE_S
    script_s: float = SCRIPT_S


def measured(order: Order, bench: Bench) -> tuple[Footprint, Trace]:
    """Carries one run out and tells what the service takes and how that went; nothing that was made for it is left.

    Raises:
        RunFailed: the service ended while it was measured, or its script failed.
        LaunchFailed: the container could not be brought up.
        Unmeasured: the samples do not tell what it takes.
        HostError: the engine failed or the connection broke; what may be left is for `remove_remains`.
        Interrupted: `stop` was set.
    """
    return _Measurement(order, bench).run()


class _Measurement:
    """One run while it is carried out."""

    def __init__(self, order: Order, bench: Bench) -> None:
        self.order = order
        self.bench = bench
        self.instance = self._instance()
        self.container_id = ""
        self.started_at = ""
        self.looked_at = bench.clock.now()
        self.script: ScriptResult | None = None

    def run(self) -> tuple[Footprint, Trace]:
        try:
            with Recorder(
                self.bench.open_sampler,
                card_ids=[gpu.id for gpu in self.order.placement.gpus],
                on_gap=lambda why: self.instance.tell(f"samples are missing from here on: {why}"),
            ) as recorder:
                self._through_the_phases(recorder)
            found, trace = recorder.result(self.order.combination)
            return self._completed(found), trace
        finally:
            self._clear_up()

    def _through_the_phases(self, recorder: Recorder) -> None:
        self._enter(Phase.BASELINE, recorder)
        self._rest(self.bench.baseline_s, recorder)
        self._enter(Phase.PULL, recorder)
        prepare(self.instance)
        self._enter(Phase.START, recorder)
        self._start(recorder)
        self._enter(Phase.LOAD, recorder)
        self.instance.wait(self.container_id)
        self._enter(Phase.READY, recorder)
        self._rest(self.order.run_time_s, recorder)
        if self.order.script is not None:
            self._enter(Phase.UNDER_LOAD, recorder)
            self._run_script(self.order.script, recorder)
        self._check_runs()
        self._enter(Phase.STOP, recorder)
        self.instance = replace(self.instance, engine=self.bench.engine())  # the link may be another by now
        self.instance.stop(self.container_id)

    def _instance(self) -> Instance:
        engine, order = self.bench.engine(), self.order
        placement = kept_apart(
            order.placement,
            run_id=order.run_id,
            networks={network.name for network in engine.networks()},
            volumes={volume.name for volume in engine.volumes()},
        )
        return Instance(
            Operation(action=Action.CREATE, key=placement.key, host=placement.host, placement=placement),
            engine,
            self.bench.ownership,
            self.bench.patience,
            self.bench.stop,
            self.bench.report,
            clock=self.bench.clock,
        )

    def _enter(self, phase: Phase, recorder: Recorder) -> None:
        recorder.check()
        if self.bench.stop.is_set():
            raise Interrupted
        recorder.begin(phase)
        self.bench.on_phase(phase)
        self.instance.tell(phase.value)

    def _start(self, recorder: Recorder) -> None:
        self.container_id = self.instance.create()
        furnish(self.instance, self.container_id)
        self.instance.start(self.container_id)
        state = self.instance.engine.state(self.container_id)
        if state is not None and state.pid is not None:
            self.started_at = state.started_at
            recorder.follow(self.container_id, state.pid)

    def _rest(self, seconds: float, recorder: Recorder) -> None:
        clock = self.bench.clock
        over = clock.now() + seconds
        while (left := over - clock.now()) > 0:
            self._pause(recorder, min(left, LOOK_EVERY_S))

    def _pause(self, recorder: Recorder, seconds: float = LOOK_EVERY_S) -> None:
        """Lets time pass while all is as it should be."""
        clock = self.bench.clock
        recorder.check()
        if self.container_id and clock.now() - self.looked_at >= STATE_EVERY_S:
            with suppress(HostError):  # while the link is lost, whether the recorder can go on decides
                self._check_runs()
            self.looked_at = clock.now()
        if clock.wait(self.bench.stop, seconds):
            raise Interrupted

    def _check_runs(self) -> None:
        state = self.bench.engine().state(self.container_id)
        if state is None:
            raise RunFailed("the container was removed while it was measured")
        if not state.running:
            why = OUT_OF_MEMORY if state.oom_killed else f"exit code {state.exit_code}"
            raise RunFailed(f"it ended while it was measured ({why}); see: {self._log_command('container')}")
        if state.oom_killed:
            raise RunFailed(f"one of its processes was ended while it was measured ({OUT_OF_MEMORY}); raise mem_limit")
        if state.started_at != self.started_at:
            raise RunFailed("somebody started its container again while it was measured; ask for it again")

    def _run_script(self, script: RunScript, recorder: Recorder) -> None:
        try:
            self.script = self._script_result(script, lambda: self._pause(recorder))
        except ScriptFailed as failed:
            raise RunFailed(f"its script failed: {failed}") from failed
        code = self.script.exit_code
        self.instance.tell(f"the script ended with {code}", detail=self._harmless(self.script.output))
        if code:
            self._check_runs()  # a service that ended is the better reason
            raise RunFailed(f"its script ended with exit status {code}; see: {self._log_command('runner')}")

    def _script_result(self, script: RunScript, pause: Callable[[], None]) -> ScriptResult:
        bench, deadline = self.bench, self.bench.clock.now() + self.bench.script_s
        if not script.in_container:
            environment = {**bench.environment, **self._address()}
            return run_on_controller(script, environment, deadline=deadline, pause=pause, clock=bench.clock)
        return run_in_container(
            script,
            self._address_inside(),
            engine=bench.engine(),
            container_id=self.container_id,
            deadline=deadline,
            pause=pause,
            clock=bench.clock,
        )

    def _harmless(self, output: str) -> str:
        """What a script wrote, without secrets of the service or of the controller."""
        output = without_secrets(output, self.order.placement.spec.environment)
        return without_secrets(output, self.bench.environment)

    def _address(self) -> dict[str, str]:
        """Where the controller reaches the first port that the service publishes."""
        host = HERE if self.bench.host.connection is Connection.LOCAL else self.bench.host.address
        published = [port.published for port in self._ports() if port.published is not None]
        return _address(host, published[0] if published else None)

    def _address_inside(self) -> dict[str, str]:
        ports = self.order.placement.spec.ports
        return _address(HERE, ports[0].target if ports else None)

    def _ports(self) -> list[ObservedPort]:
        found = [one for one in self.bench.engine().list_containers() if one.id == self.container_id]
        order = [port.target for port in self.order.placement.spec.ports]
        ports = [port for container in found for port in container.ports if port.target in order]
        return sorted(ports, key=lambda port: order.index(port.target))

    def _completed(self, found: Footprint) -> Footprint:
        image = self.instance.engine.image(self.order.placement.spec.image)
        cards = self.order.placement.gpus
        return replace(
            found,
            host=self.bench.host.name,
            image=self.order.placement.spec.image,
            image_digest=image.digest if image else None,
            image_bytes=image.size_bytes if image else None,
            cards=tuple(card.name for card in cards),
            driver=next((card.driver_version for card in cards if card.driver_version), None),
            measured_at=time.time(),
            script_exit_code=self.script.exit_code if self.script else None,
        )

    def _clear_up(self) -> None:
        """What cannot be removed now is left for the next who looks at the host."""
        controller, run_id = self.bench.ownership.controller, self.order.run_id
        try:
            engine = self.bench.engine()
            self._keep_log(engine)
            for name in remove_remains(engine, controller=controller, is_over=lambda found: found == run_id):
                self.instance.tell(f"removed {name}", quiet=True)
        except HostError as error:
            self.instance.tell(f"what was made is not removed yet: {error.message}")

    def _keep_log(self, engine: Engine) -> None:
        if not self.container_id:
            return
        try:
            self.bench.keep_log(engine.logs(self.container_id, limit_bytes=LOG_BYTES))
        except HostError as error:
            self.instance.tell(f"what the container wrote cannot be read: {error.message}", quiet=True)

    def _log_command(self, kind: str) -> str:
        return f"ozwald get_footprint_logs {self.order.combination} --log-type {kind}"


def _address(host: str, port: int | None) -> dict[str, str]:
    if port is None:
        return {"OZWALD_HOST": host}
    shown = f"[{host}]" if ":" in host else host
    return {"OZWALD_HOST": host, "OZWALD_PORT": str(port), "OZWALD_ENDPOINT": f"{shown}:{port}"}
