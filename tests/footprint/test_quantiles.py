"""Quantiles and CPU rates against slow references, for any values."""

import math
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from ozwald.footprint.course import POINTS, Course
from ozwald.footprint.quantiles import CAPACITY, Quantiles
from ozwald.footprint.rate import CpuRate, Growth, Rate

FRACTIONS = st.floats(0, 1)


def nearest_rank(values: list[float], fraction: float) -> float:
    return sorted(values)[math.floor(fraction * (len(values) - 1))]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1e12), min_size=1, max_size=CAPACITY - 1), FRACTIONS)
def test_quantiles_of_few_values_are_exact(values: list[float], fraction: float) -> None:
    quantiles = Quantiles()
    for value in values:
        quantiles.add(value)

    assert quantiles.at(fraction) == nearest_rank(values, fraction)


@settings(max_examples=20, deadline=None)
@given(st.integers(CAPACITY, 60_000), st.randoms(use_true_random=False), st.sampled_from(["up", "down", "mixed"]))
def test_the_rank_of_a_quantile_of_many_values_is_off_by_no_more_than_is_said(
    count: int, shuffler: random.Random, order: str
) -> None:
    values = list(range(count))
    if order == "mixed":
        shuffler.shuffle(values)
    elif order == "down":
        values.reverse()
    quantiles = Quantiles()
    for value in values:
        quantiles.add(value)

    allowed = count * math.ceil(math.log2(count / CAPACITY) + 1) / CAPACITY + 1
    for fraction in (0.05, 0.5, 0.95):
        assert abs((quantiles.at(fraction) or 0) - fraction * (count - 1)) <= allowed


def test_no_values_have_no_quantiles() -> None:
    assert Quantiles().median is None
    assert Quantiles().spread is None


def slow_rate(points: list[tuple[float, int]]) -> Rate | None:
    """The shortest window of at least a second that ends with the last point, since the counter last went back."""
    begin = max((number for number in range(1, len(points)) if points[number][1] < points[number - 1][1]), default=0)
    (end_s, end_ns), known = points[-1], points[begin:]
    since = [point for point in known if end_s - point[0] >= 1.0]
    return Rate(since_s=since[-1][0], cores=(end_ns - since[-1][1]) / 1e9 / (end_s - since[-1][0])) if since else None


STEPS = st.tuples(st.sampled_from([0.01, 0.1, 0.11, 0.5, 1.0, 7.25]), st.integers(0, 10**10))


@settings(deadline=None)
@given(st.lists(STEPS, min_size=1, max_size=60), st.lists(st.integers(0, 59), max_size=3))
def test_the_rate_is_that_of_the_shortest_window_of_a_second(steps: list[tuple[float, int]], resets: list[int]) -> None:
    rate, points = CpuRate(), list[tuple[float, int]]()
    at_s, counted = 0.0, 0
    for number, (pause, busy) in enumerate(steps):
        at_s, counted = at_s + pause, 0 if number in resets else counted + busy
        points.append((at_s, counted))
        assert rate.add(at_s, counted) == slow_rate(points)


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**12), max_size=50))
def test_a_counter_never_shrinks_what_was_counted(values: list[int]) -> None:
    growth = Growth()
    totals = [growth.add(value) for value in values]

    assert totals == sorted(totals)
    assert all(total >= value for total, value in zip(totals, values, strict=True))


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 30), st.floats(0, 1e12)), min_size=1, max_size=2000))
def test_a_course_is_bounded_and_loses_no_extreme(readings: list[tuple[float, float]]) -> None:
    course, at_s, taken = Course(), 0.0, list[tuple[float, float]]()
    for pause, value in readings:
        at_s += pause
        course.add(at_s, value)
        taken.append((at_s, value))

    curve = course.curve()
    points = curve.points
    assert len(points) <= POINTS
    assert min(point.low for point in points) == min(value for _, value in taken)
    assert max(point.high for point in points) == max(value for _, value in taken)
    for at_s, value in taken:
        near = [point for point in points if point.at_s - 1e-3 <= at_s <= point.at_s + curve.width_s + 1e-3]
        assert any(point.low <= value <= point.high for point in near)
