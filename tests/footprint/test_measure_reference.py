"""Any run, with gaps and counters that begin anew, is measured as a slow reading of all its samples measures it."""

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from ozwald.footprint.measure import Unmeasured
from ozwald.model.footprint import Phase, Usage
from ozwald.model.sample import ContainerSample, Sample
from tests.footprint.sampled import CONTAINER, LLM, measure, span

LOAD_S, READY_S, SCRIPT_S = 2.0, 5.0, 12.0
SPANS = (
    span(Phase.BASELINE, 0, LOAD_S),
    span(Phase.LOAD, LOAD_S, READY_S - LOAD_S),
    span(Phase.READY, READY_S, SCRIPT_S - READY_S),
    span(Phase.UNDER_LOAD, SCRIPT_S, 1000),
)


@dataclass(frozen=True)
class Reading:
    """What one sample says; `is_there` is whether the container was."""

    at_s: float
    is_there: bool
    cpu_ns: int | None
    memory_bytes: int | None
    read_bytes: int | None


@st.composite
def runs(draw: st.DrawFn) -> list[Reading]:
    at_s, counted, read = 0.0, 0, 0
    readings = []
    for _ in range(draw(st.integers(0, 60))):
        at_s = round(at_s + draw(st.sampled_from([0.0, 0.1, 0.1, 0.1, 0.3, 1.0, 4.0])), 3)
        counted = 0 if draw(st.integers(0, 20)) == 0 else counted + draw(st.integers(0, 2 * 10**9))
        read = 0 if draw(st.integers(0, 20)) == 0 else read + draw(st.integers(0, 10**6))
        readings.append(
            Reading(
                at_s=at_s,
                is_there=draw(st.integers(0, 9)) > 0,
                cpu_ns=draw(st.sampled_from([counted, counted, None])),
                memory_bytes=draw(st.one_of(st.none(), st.integers(0, 10**10))),
                read_bytes=draw(st.sampled_from([read, None])),
            )
        )
    return readings


def sample(reading: Reading) -> Sample:
    if not reading.is_there:
        return Sample(at_s=reading.at_s)
    container = ContainerSample(cpu_ns=reading.cpu_ns, memory_bytes=reading.memory_bytes, read_bytes=reading.read_bytes)
    return Sample(at_s=reading.at_s, containers={CONTAINER: container})


def windows(readings: Sequence[Reading]) -> list[tuple[float, float, float]]:
    """Begin, end and cores of the shortest window of at least a second before each reading of the counter."""
    found = []
    points: list[tuple[float, int]] = []
    for reading in readings:
        if reading.cpu_ns is None:
            continue
        if points and reading.cpu_ns < points[-1][1]:
            points = []
        if points and reading.at_s == points[-1][0]:
            continue
        points.append((reading.at_s, reading.cpu_ns))
        begun = [point for point in points if reading.at_s - point[0] >= 1.0]
        if begun:
            length_s = reading.at_s - begun[-1][0]
            found.append((begun[-1][0], reading.at_s, (reading.cpu_ns - begun[-1][1]) / 1e9 / length_s))
    return found


def rank(values: Sequence[float], fraction: float) -> float:
    return sorted(values)[int(fraction * (len(values) - 1))]


def usage(cores: Sequence[float], memory: Sequence[float]) -> tuple[float, float] | None:
    return (rank(cores, 0.5), rank(memory, 0.5)) if cores and memory else None


def told(found: Usage | None) -> tuple[float, float] | None:
    return None if found is None else (found.cpu_cores, found.memory_bytes)


def read_until_ready(readings: Sequence[Reading]) -> int | None:
    total = last = 0
    answer = None
    for reading in readings:
        if reading.read_bytes is None:
            continue
        total += reading.read_bytes - last if reading.read_bytes >= last else reading.read_bytes
        last = reading.read_bytes
        if reading.at_s < READY_S or answer is None:
            answer = total
    return answer


@settings(max_examples=200, deadline=None)
@given(runs())
def test_what_is_measured_is_what_all_samples_say(readings: list[Reading]) -> None:
    there = [reading for reading in readings if reading.is_there and reading.at_s >= LOAD_S]
    rates = windows(there)
    memory = [(one.at_s, one.memory_bytes) for one in there if one.memory_bytes is not None]
    try:
        footprint = measure(map(sample, readings), LLM, container_id=CONTAINER, spans=SPANS)
    except Unmeasured:
        assert not rates or not memory
        return

    assert footprint.samples == len(there)
    assert footprint.usage.cpu_cores == max(cores for _, _, cores in rates)
    assert footprint.usage.memory_bytes == max(size for _, size in memory)
    assert footprint.read_while_loading_bytes == read_until_ready(there)
    cores_at_rest = [cores for begun, end, cores in rates if begun >= READY_S and end < SCRIPT_S]
    memory_at_rest = [size for at_s, size in memory if READY_S <= at_s < SCRIPT_S]
    assert told(footprint.steady) == usage(cores_at_rest, memory_at_rest)
