"""Runs as a sampler would tell them, for the tests of what is made of them."""

from collections.abc import Iterable, Iterator, Mapping

from ozwald.footprint.measure import Meter
from ozwald.model.footprint import Combination, Footprint, Phase, Span
from ozwald.model.resources import Holder
from ozwald.model.sample import CardSample, ContainerSample, Sample

MIB = 1024**2
GIB = 1024**3
CONTAINER = "c" * 64
OTHER = "d" * 64
CARD = "GPU-1"
LLM = Combination(realm="default", service="llm")


def tick(
    at_s: float,
    *,
    cores_ns: int | None = None,
    memory_bytes: int | None = None,
    cards: Mapping[str, CardSample] | None = None,
    **counters: int,
) -> Sample:
    """One sample of the container."""
    container = ContainerSample(cpu_ns=cores_ns, memory_bytes=memory_bytes, **counters)
    return Sample(at_s=at_s, containers={CONTAINER: container}, cards=cards or {})


def steady(
    seconds: float, *, cores: float = 1.0, memory_bytes: int = GIB, since_s: float = 0.0, burnt_ns: int = 0
) -> Iterator[Sample]:
    """A service that takes the same all the time, ten times a second."""
    for number in range(round(seconds * 10) + 1):
        at_s = since_s + number / 10
        yield tick(at_s, cores_ns=burnt_ns + round(cores * number * 1e8), memory_bytes=memory_bytes)


def card(used_bytes: int | None, *holders: Holder, power_w: float | None = None) -> CardSample:
    return CardSample(vram_used_bytes=used_bytes, holders=holders, power_w=power_w)


def holder(vram_bytes: int | None, container_id: str | None = CONTAINER, **missing: str) -> Holder:
    return Holder(pid=1, vram_bytes=vram_bytes, container_id=container_id, missing=missing)


def span(phase: Phase, begun_at_s: float, duration_s: float) -> Span:
    return Span(phase=phase, begun_at_s=begun_at_s, duration_s=duration_s)


def measure(
    samples: Iterable[Sample],
    combination: Combination,
    *,
    container_id: str,
    card_ids: Iterable[str] = (),
    spans: Iterable[Span] = (),
) -> Footprint:
    """The footprint of a run whose samples are all there, with the phases as they were; may raise Unmeasured."""
    meter = Meter(card_ids)
    for span in spans:
        meter.begin(span.phase, span.begun_at_s)
    meter.follow(container_id)
    for sample in samples:
        meter.add(sample)
    return meter.footprint(combination)
