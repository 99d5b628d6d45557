"""What a run's samples say of the service, and what they do not."""

import tracemalloc
from dataclasses import replace

import pytest

from ozwald.footprint.measure import Meter, Unmeasured
from ozwald.model.footprint import Footprint, Phase, VramSource
from ozwald.model.resources import Holder
from ozwald.model.sample import CardSample, Sample
from tests.footprint.sampled import (
    CARD,
    CONTAINER,
    GIB,
    LLM,
    MIB,
    OTHER,
    card,
    holder,
    measure,
    span,
    steady,
    tick,
)

RUN = (span(Phase.BASELINE, 0, 5), span(Phase.LOAD, 5, 10), span(Phase.READY, 15, 30))


def measured(*samples: Sample, spans: tuple = RUN, cards: tuple[str, ...] = (CARD,)) -> Footprint:  # type: ignore[type-arg]
    return measure(samples, LLM, container_id=CONTAINER, card_ids=cards, spans=spans)


class TestPeaks:
    def test_a_service_that_takes_the_same_all_the_time_is_measured_exactly(self) -> None:
        footprint = measured(*steady(30, cores=2.5, memory_bytes=7 * GIB))

        assert footprint.usage.cpu_cores == pytest.approx(2.5)
        assert footprint.usage.memory_bytes == 7 * GIB
        assert footprint.usage.vram_bytes is None

    def test_a_single_sample_of_more_memory_is_the_peak(self) -> None:
        run = list(steady(30, memory_bytes=GIB))
        run[50] = tick(run[50].at_s, cores_ns=run[50].containers[CONTAINER].cpu_ns, memory_bytes=GIB + 200 * MIB)

        assert measured(*run).usage.memory_bytes == GIB + 200 * MIB

    def test_page_cache_is_told_apart_from_what_is_needed(self) -> None:
        run = [tick(at, cores_ns=0, memory_bytes=GIB, cache_bytes=9 * GIB, kernel_peak_bytes=10 * GIB) for at in (6, 7)]
        footprint = measured(*run)

        assert footprint.usage.memory_bytes == GIB
        assert (footprint.cache_bytes, footprint.kernel_peak_bytes) == (9 * GIB, 10 * GIB)

    def test_a_burst_of_one_second_is_the_peak_of_the_processor(self) -> None:
        before, burst = steady(10, cores=0.5), steady(1, cores=8, since_s=10, burnt_ns=5 * 10**9)
        after = steady(10, cores=0.5, since_s=11, burnt_ns=13 * 10**9)

        assert measured(*before, *burst, *after).usage.cpu_cores == pytest.approx(8)

    def test_a_shorter_burst_counts_as_the_mean_of_its_second(self) -> None:
        before, burst = steady(5, cores=0), steady(0.2, cores=10, since_s=5)
        after = steady(5, cores=0, since_s=5.2, burnt_ns=2 * 10**9)

        assert measured(*before, *burst, *after).usage.cpu_cores == pytest.approx(2)


class TestAtRest:
    def test_steady_values_are_those_after_it_was_ready(self) -> None:
        load = steady(10, cores=6, memory_bytes=9 * GIB, since_s=5)
        rest = steady(30, cores=0.25, memory_bytes=4 * GIB, since_s=15.1, burnt_ns=60 * 10**9)
        footprint = measured(*load, *rest)

        assert footprint.steady is not None
        assert footprint.spread is not None
        assert footprint.steady.cpu_cores == pytest.approx(0.25)
        assert footprint.spread.cpu_cores == pytest.approx(0, abs=1e-9)
        assert (footprint.steady.memory_bytes, footprint.spread.memory_bytes) == (4 * GIB, 0)
        assert footprint.usage.memory_bytes == 9 * GIB

    def test_the_script_is_not_at_rest(self) -> None:
        spans = (*RUN, span(Phase.UNDER_LOAD, 45, 10))
        rest = steady(30, cores=0.25, since_s=15)
        script = steady(10, cores=4, since_s=45, burnt_ns=7_500_000_000)
        footprint = measured(*rest, *script, spans=spans)

        assert footprint.steady is not None
        assert footprint.steady.cpu_cores == pytest.approx(0.25)
        assert footprint.usage.cpu_cores == pytest.approx(4)

    def test_the_spread_leaves_out_the_extremes(self) -> None:
        levels = [100, *range(1, 100), 1000]
        run = [tick(15 + number, cores_ns=0, memory_bytes=level) for number, level in enumerate(levels)]

        footprint = measured(*run)
        assert footprint.spread is not None
        assert footprint.spread.memory_bytes == 90

    def test_one_that_was_never_ready_has_no_steady_values(self) -> None:
        footprint = measured(*steady(5, since_s=5), spans=RUN[:2])

        assert footprint.steady is None
        assert footprint.spread is None
        assert footprint.ready_after_s is None


class TestVram:
    def test_two_services_on_one_card_are_told_apart(self) -> None:
        shared = card(9 * GIB, holder(6 * GIB), holder(2 * GIB, OTHER), holder(GIB // 2, None))
        footprint = measured(*steady(1), tick(2, cards={CARD: shared}), spans=())

        assert footprint.usage.vram_bytes == 6 * GIB
        assert footprint.vram_source is VramSource.PROCESSES

    def test_another_service_that_grows_does_not_count(self) -> None:
        before = tick(1, cards={CARD: card(2 * GIB, holder(2 * GIB, OTHER))})
        during = [
            tick(at, cores_ns=0, memory_bytes=1, cards={CARD: card(11 * GIB, holder(3 * GIB), holder(8 * GIB, OTHER))})
            for at in (6, 7)
        ]

        assert measured(before, *during).usage.vram_bytes == 3 * GIB

    def test_without_processes_it_is_what_the_card_became_fuller_by(self) -> None:
        before = [tick(at, cards={CARD: card(used * GIB)}) for at, used in ((1, 2), (2, 2), (3, 3))]
        during = [tick(at, cores_ns=0, memory_bytes=1, cards={CARD: card(used * GIB)}) for at, used in ((6, 8), (7, 7))]
        footprint = measured(*before, *during)

        assert footprint.usage.vram_bytes == 6 * GIB
        assert footprint.vram_source is VramSource.CARD_DIFFERENCE

    def test_what_a_starting_container_holds_before_it_is_known_is_no_baseline(self) -> None:
        meter = Meter([CARD])
        meter.begin(Phase.BASELINE)
        meter.add(tick(1, cards={CARD: card(GIB)}))
        meter.begin(Phase.START)
        for at in (2, 3, 4):
            meter.add(tick(at, cards={CARD: card(5 * GIB)}))
        meter.follow(CONTAINER)
        for at in (5, 6):
            meter.add(tick(at, cores_ns=0, memory_bytes=1, cards={CARD: card(5 * GIB)}))

        assert meter.footprint(LLM).usage.vram_bytes == 4 * GIB

    @pytest.mark.parametrize(
        "unknown", [holder(None, None), holder(GIB, None, user="it has ended"), holder(None, CONTAINER)]
    )
    def test_a_process_that_nobody_can_place_makes_it_the_difference(self, unknown: Holder) -> None:
        before = tick(1, cards={CARD: card(0)})
        during = [
            tick(at, cores_ns=0, memory_bytes=1, cards={CARD: replace(card(5 * GIB), holders=(unknown,))})
            for at in (6, 7)
        ]

        assert measured(before, *during).vram_source is VramSource.CARD_DIFFERENCE

    @pytest.mark.parametrize("unknown", [holder(3 * GIB, None, user="it has ended"), holder(None, OTHER)])
    def test_so_does_one_beside_those_of_the_container(self, unknown: Holder) -> None:
        mixed = card(9 * GIB, holder(4 * GIB), unknown)
        during = [tick(at, cores_ns=0, memory_bytes=1, cards={CARD: mixed}) for at in (6, 7)]
        footprint = measured(tick(1, cards={CARD: card(GIB)}), *during)

        assert footprint.vram_source is VramSource.CARD_DIFFERENCE
        assert footprint.usage.vram_bytes == (9 - 1) * GIB

    def test_so_does_one_in_every_other_reading(self) -> None:
        fine, torn = card(6 * GIB, holder(5 * GIB)), card(6 * GIB, holder(5 * GIB), holder(None, OTHER))
        during = [tick(at, cores_ns=0, memory_bytes=1, cards={CARD: torn if at % 2 else fine}) for at in range(6, 16)]

        assert measured(tick(1, cards={CARD: card(0)}), *during).usage.vram_bytes == 6 * GIB

    def test_a_card_that_says_nothing_leaves_the_sum_unknown(self) -> None:
        during = [tick(at, cores_ns=0, memory_bytes=1, cards={CARD: card(GIB, holder(GIB))}) for at in (6, 7)]

        assert measured(*during, cards=(CARD, "GPU-2")).usage.vram_bytes is None

    def test_a_process_that_ends_while_it_is_looked_at_does_not(self) -> None:
        fine, torn = card(5 * GIB, holder(5 * GIB)), card(5 * GIB, holder(5 * GIB, None, user="it has ended"))
        during = [tick(at, cores_ns=0, memory_bytes=1, cards={CARD: torn if at == 9 else fine}) for at in range(6, 30)]

        assert measured(tick(1, cards={CARD: card(0)}), *during).vram_source is VramSource.PROCESSES

    def test_a_service_that_leaves_its_card_alone_takes_none_of_it(self) -> None:
        idle = card(4 * GIB, holder(4 * GIB, OTHER))
        footprint = measured(*(tick(at, cores_ns=0, memory_bytes=1, cards={CARD: idle}) for at in (1, 6, 7)))

        assert footprint.usage.vram_bytes == 0
        assert footprint.vram_source is VramSource.PROCESSES

    def test_cards_add_up_at_each_time_though_they_are_read_one_after_the_other(self) -> None:
        first, second = "GPU-1", "GPU-2"
        readings = [(first, 1), (second, 5), (first, 6), (second, 1)]
        run = [
            tick(6 + number, cores_ns=0, memory_bytes=1, cards={one: card(None, holder(gib * GIB), power_w=gib)})
            for number, (one, gib) in enumerate(readings)
        ]
        footprint = measured(*run, cards=(first, second))

        assert footprint.usage.vram_bytes == 11 * GIB
        assert footprint.power_w == 11

    def test_nothing_is_said_where_the_cards_say_nothing(self) -> None:
        unread = {CARD: CardSample(), "GPU-2": card(GIB, holder(GIB))}
        footprint = measured(*(tick(at, cores_ns=0, memory_bytes=1, cards=unread) for at in (6, 7)), cards=("GPU-3",))

        assert footprint.usage.vram_bytes is None
        assert footprint.vram_source is None


class TestLoading:
    def test_what_was_read_until_it_was_ready(self) -> None:
        reads = [(5, 0), (9, 3 * GIB), (14.9, 4 * GIB), (15.5, 5 * GIB)]
        run = [tick(at, cores_ns=0, memory_bytes=1, read_bytes=count) for at, count in reads]
        footprint = measured(*run)

        assert footprint.read_while_loading_bytes == 4 * GIB
        assert footprint.ready_after_s == 10

    def test_a_container_that_was_restarted_while_loading_has_read_both_times(self) -> None:
        run = [
            tick(at, cores_ns=0, memory_bytes=1, read_bytes=count) for at, count in ((5, 7), (6, 10), (7, 4), (8, 5))
        ]

        assert measured(*run).read_while_loading_bytes == 15

    def test_the_phases_are_told_by_the_samples(self) -> None:
        meter = Meter()
        meter.begin(Phase.BASELINE)
        meter.add(Sample(at_s=100))
        meter.add(Sample(at_s=102))
        meter.begin(Phase.LOAD)
        meter.follow(CONTAINER)
        for sample in steady(3, since_s=102.5):
            meter.add(sample)

        assert meter.phases == (span(Phase.BASELINE, 100, 2), span(Phase.LOAD, 102, 3.5))


class TestWhatCannotBeTold:
    @pytest.mark.parametrize(
        ("samples", "lack"),
        [
            ([], "no sample has its container"),
            ([Sample(at_s=1)], "no sample has its container"),
            ([tick(1, cores_ns=1, memory_bytes=1)], "1 samples do not tell its CPU time over a second"),
            ([tick(1, cores_ns=1), tick(3, cores_ns=1)], "none of 2 samples says what memory it needs"),
            ([tick(1, memory_bytes=1), tick(3, memory_bytes=1)], "do not tell its CPU time"),
        ],
    )
    def test_samples_that_say_too_little_are_an_error(self, samples: list[Sample], lack: str) -> None:
        with pytest.raises(Unmeasured, match=lack):
            measured(*samples, spans=())

    def test_a_host_that_was_booted_anew_is_an_error(self) -> None:
        with pytest.raises(Unmeasured, match="booted anew"):
            measured(tick(5000, cores_ns=0), tick(3, cores_ns=0))

    @pytest.mark.parametrize("clock", [float("nan"), float("inf")])
    def test_so_is_a_clock_that_is_none(self, clock: float) -> None:
        with pytest.raises(Unmeasured):
            measured(Sample(at_s=clock))

    def test_a_gap_is_told_and_short_pauses_are_none(self) -> None:
        before, after = steady(10), steady(10, since_s=20.5, burnt_ns=10**10)

        assert measured(*before, *after).gap_s == pytest.approx(10.5)
        assert measured(*steady(10)).gap_s == 0

    def test_a_gap_is_a_longer_window(self) -> None:
        footprint = measured(tick(5, cores_ns=0, memory_bytes=1), tick(65, cores_ns=30 * 10**9, memory_bytes=1))

        assert footprint.usage.cpu_cores == pytest.approx(0.5)

    def test_a_counter_that_goes_back_begins_anew(self) -> None:
        run = (*steady(5, cores=1, burnt_ns=10**12), *steady(5, cores=2, since_s=5.1))

        assert measured(*run).usage.cpu_cores == pytest.approx(2)


def test_an_hour_of_samples_takes_no_more_memory_than_ten_minutes() -> None:
    busy = {CARD: card(5 * GIB, holder(5 * GIB), power_w=300)}

    def hold(ticks: int) -> int:
        tracemalloc.start()
        meter = Meter([CARD])
        meter.begin(Phase.READY)
        meter.follow(CONTAINER)
        for number in range(ticks):
            meter.add(tick(number / 10, cores_ns=number * 10**8, memory_bytes=number, cards=busy))
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return size

    assert hold(36_000) < 2 * hold(6_000) < 4 * MIB
