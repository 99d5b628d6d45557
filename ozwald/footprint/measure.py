"""From the samples of one run to its footprint."""

import math
from collections.abc import Callable, Iterable
from dataclasses import replace

from ozwald.errors import OzwaldError
from ozwald.footprint.course import Trace
from ozwald.footprint.gauge import CardsGauge, Gauge
from ozwald.footprint.phases import Phases
from ozwald.footprint.rate import CpuRate, Growth
from ozwald.footprint.vram import VramMeter
from ozwald.model.footprint import Combination, Footprint, Phase, Span, Usage
from ozwald.model.sample import CardSample, ContainerSample, Sample

BEFORE = (Phase.BASELINE, Phase.PULL)
LOADING = (Phase.START, Phase.LOAD)
# Ticks come ten times a second; a host that is busy may take longer for one.
GAP_S = 1.0


class Unmeasured(OzwaldError):
    """The samples do not tell what the service takes; the text says what they lack."""


class Meter:
    """Takes the samples of one run, one by one, and tells its footprint in the end, in bounded memory.

    It has to be told when a phase begins, and from the container's start on which one it is. What the cards held before
    that is the baseline. Not for several threads at once.
    """

    def __init__(self, card_ids: Iterable[str] = ()) -> None:
        self._card_ids = frozenset(card_ids)
        self._container_id: str | None = None
        self._phases = Phases()
        self._first_s: float | None = None
        self._last_s = -math.inf
        self._cpu_rate, self._reads = CpuRate(), Growth()
        self._cpu, self._memory, self._cache = Gauge(), Gauge(), Gauge()
        self._vram, self._power = VramMeter(self._card_ids), CardsGauge(self._card_ids)
        self._read_while_loading: int | None = None
        self._kernel_peak: int | None = None
        self._samples = 0
        self._gap_s = 0.0

    def begin(self, phase: Phase, at_s: float | None = None) -> None:
        """Lets a phase begin: at a time of the host's clock, else at the latest sample's."""
        self._phases.begin(phase, self._last_s if at_s is None else at_s)

    def follow(self, container_id: str) -> None:
        """Measures this container from the next sample on."""
        self._container_id = container_id

    def add(self, sample: Sample) -> None:
        """Counts one sample.

        Raises:
            Unmeasured: the host's clock went back since the last one: it was booted anew.
        """
        if not self._last_s <= sample.at_s < math.inf:
            raise Unmeasured(
                f"the host's clock went from {self._last_s:g} s to {sample.at_s:g} s: it was booted anew while the "
                "service was measured; measure again"
            )
        pause_s = 0.0 if self._first_s is None else sample.at_s - self._last_s
        self._first_s = sample.at_s if self._first_s is None else self._first_s
        self._last_s = sample.at_s
        phase = self._phases.at(sample.at_s)
        self._add_cards(sample, phase)
        container = sample.containers.get(self._container_id or "")
        if container is not None and phase not in BEFORE:
            self._samples += 1
            self._gap_s += pause_s if pause_s >= GAP_S else 0.0
            self._add_container(sample.at_s, container, phase)

    def footprint(self, combination: Combination) -> Footprint:
        """What was measured; the host, image, cards and the rest are for the caller to add.

        Raises:
            Unmeasured: the samples do not tell the memory or the CPU time of the container.
        """
        peaks = self._usage(lambda gauge: gauge.peak)
        if peaks is None:
            raise Unmeasured(f"{combination} cannot be measured: {self._lack()}; measure again")
        phases = self.phases
        return Footprint(
            combination=combination,
            usage=peaks,
            steady=self._usage(lambda gauge: gauge.at_rest.median),
            spread=self._usage(lambda gauge: gauge.at_rest.spread),
            vram_source=self._vram.source,
            cache_bytes=_whole(self._cache.peak),
            kernel_peak_bytes=self._kernel_peak,
            read_while_loading_bytes=self._read_while_loading,
            power_w=self._power.total.peak,
            ready_after_s=_ready_after_s(phases),
            samples=self._samples,
            gap_s=self._gap_s,
            phases=phases,
        )

    def trace(self) -> Trace:
        """How it went, to be kept beside the footprint."""
        since_s = self._first_s or 0.0
        return Trace(
            phases=tuple(replace(span, begun_at_s=span.begun_at_s - since_s) for span in self.phases),
            cpu_cores=self._cpu.course.curve(since_s=since_s),
            memory_bytes=self._memory.course.curve(since_s=since_s),
            vram_bytes=self._vram.gauge.course.curve(since_s=since_s),
            power_w=self._power.total.course.curve(since_s=since_s),
        )

    @property
    def phases(self) -> tuple[Span, ...]:
        """The phases so far; the last one until the latest sample."""
        return () if self._first_s is None else tuple(self._phases.spans(self._first_s, self._last_s))

    def _add_container(self, at_s: float, sample: ContainerSample, phase: Phase | None) -> None:
        at_rest = phase is Phase.READY
        self._add_cpu(at_s, sample.cpu_ns)
        if sample.memory_bytes is not None:
            self._memory.add(at_s, sample.memory_bytes, at_rest=at_rest)
        if sample.cache_bytes is not None:
            self._cache.add(at_s, sample.cache_bytes, at_rest=at_rest)
        if sample.kernel_peak_bytes is not None:
            self._kernel_peak = max(sample.kernel_peak_bytes, self._kernel_peak or 0)
        if sample.read_bytes is not None:
            self._add_reads(sample.read_bytes, phase)

    def _add_cpu(self, at_s: float, cpu_ns: int | None) -> None:
        rate = None if cpu_ns is None else self._cpu_rate.add(at_s, cpu_ns)
        if rate is not None:
            # What was burnt while loading must not reach into the first second at rest.
            at_rest = self._phases.at(rate.since_s) is self._phases.at(at_s) is Phase.READY
            self._cpu.add(at_s, rate.cores, at_rest=at_rest)

    def _add_reads(self, read_bytes: int, phase: Phase | None) -> None:
        total = self._reads.add(read_bytes)
        if phase in LOADING or self._read_while_loading is None:
            self._read_while_loading = total

    def _add_cards(self, sample: Sample, phase: Phase | None) -> None:
        """What cards hold while a container starts that is not known yet is neither the baseline nor told to be its."""
        for card_id in self._card_ids & sample.cards.keys():
            card = sample.cards[card_id]
            if phase in BEFORE or (phase is None and self._container_id is None):
                self._vram.add_before(card_id, card)
            elif self._container_id is not None:
                self._add_card(sample.at_s, card_id, card, self._container_id, at_rest=phase is Phase.READY)

    def _add_card(self, at_s: float, card_id: str, card: CardSample, container_id: str, *, at_rest: bool) -> None:
        self._vram.add(at_s, card_id, card, container_id, at_rest=at_rest)
        if card.power_w is not None:
            self._power.add(at_s, card_id, card.power_w, at_rest=at_rest)

    def _usage(self, of: Callable[[Gauge], float | None]) -> Usage | None:
        cores, memory, vram = of(self._cpu), of(self._memory), of(self._vram.gauge)
        if cores is None or memory is None:
            return None
        return Usage(cpu_cores=cores, memory_bytes=round(memory), vram_bytes=_whole(vram))

    def _lack(self) -> str:
        if not self._samples:
            return "no sample has its container"
        if self._memory.peak is None:
            return f"none of {self._samples} samples says what memory it needs"
        return f"{self._samples} samples do not tell its CPU time over a second"


def _ready_after_s(spans: Iterable[Span]) -> float | None:
    """How long it loaded; None when it was never ready."""
    by_phase = {span.phase: span.duration_s for span in spans}
    return by_phase.get(Phase.LOAD) if Phase.READY in by_phase else None


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)
