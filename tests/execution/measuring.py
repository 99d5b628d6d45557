"""A run on a fake engine with a fake sampler, for tests of what comes of it."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ozwald.execution.labels import Ownership
from ozwald.execution.measuring import Bench, measured
from ozwald.execution.steps import Step
from ozwald.footprint.course import Trace
from ozwald.model.footprint import Combination, Footprint, Phase
from ozwald.model.plan import Placement
from ozwald.model.sample import ContainerSample, Sample
from ozwald.planning.footprint_order import Order
from ozwald.remote.sampler import Sampler
from tests.builders import CONTROLLER, host, spec
from tests.execution.fleet import IMPATIENT
from tests.fakes.engine import FakeEngine
from tests.fakes.sampler import FakeSampler

RUN_ID = "ab12-0"
MIB = 1024**2


def samples(container_id: str, *, memory_bytes: int = 100 * MIB, cores: float = 0.5) -> Iterator[Sample]:
    """Ten a second for ever, of a container that always needs the same."""
    for number in itertools.count():
        at_s = 1000 + number / 10
        counters = ContainerSample(cpu_ns=int(cores * number * 1e8), memory_bytes=memory_bytes)
        yield Sample(at_s=at_s, containers={container_id: counters})


@dataclass
class Rig:
    """One host, and what a run does there; `on_phase` is called with each phase that begins."""

    engine: FakeEngine = field(default_factory=lambda: FakeEngine(images=["llm:1"]))
    stop: threading.Event = field(default_factory=threading.Event)
    phases: list[Phase] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    logs: list[bytes] = field(default_factory=list)
    on_phase: Callable[[Phase], None] = lambda phase: None
    open_sampler: Callable[[], Sampler] | None = None
    script_s: float = 10.0

    def measure(self, *, script: Any = None, run_time_s: float = 0.05, **fields: Any) -> tuple[Footprint, Trace]:
        """Measures a service with these fields of its specification."""
        placement = Placement(spec=spec(instance=f"footprint-{RUN_ID}", restart="no", **fields), host="box1")
        order = Order(
            run_id=RUN_ID,
            combination=Combination(realm="default", service="llm"),
            placement=placement,
            run_time_s=run_time_s,
            script=script,
        )
        return measured(order, self._bench())

    @property
    def left(self) -> list[str]:
        """What there is on the host that was not there before."""
        networks = [name for name in self.engine.network_labels if name not in ("bridge", "host", "none")]
        return [*(one.name for one in self.engine.containers.values()), *self.engine.stored, *networks]

    def _bench(self) -> Bench:
        return Bench(
            host=host("box1"),
            engine=lambda: self.engine,
            open_sampler=self.open_sampler or self._sampler,
            ownership=Ownership(
                provisioner="local", controller=CONTROLLER, generation=0, owner="ann", footprint=RUN_ID, measures="llm"
            ),
            report=self.steps.append,
            on_phase=self._enter,
            keep_log=self.logs.append,
            environment={"PATH": "/bin:/usr/bin", "OZWALD_SYSTEM_KEY": "nobody-elses-business"},
            stop=self.stop,
            patience=IMPATIENT,
            baseline_s=0.02,
            script_s=self.script_s,
        )

    def _sampler(self) -> Sampler:
        return FakeSampler(_paced(samples("000000000001".ljust(64, "0"))))

    def _enter(self, phase: Phase) -> None:
        self.phases.append(phase)
        self.on_phase(phase)


def _paced(found: Iterator[Sample]) -> Iterator[Sample]:
    """A breath between two samples, as a link has it."""
    pause = threading.Event()
    for sample in found:
        pause.wait(0.001)
        yield sample
