"""What fails is left alone for longer and longer, and not all of it comes back at once."""

import random

import pytest

from ozwald.controller.backoff import FIRST_S, JITTER, LONGEST_S, Backoff


@pytest.fixture
def backoff() -> Backoff:
    return Backoff(random.Random(1))


def test_what_never_failed_is_not_left_alone(backoff: Backoff) -> None:
    assert not backoff.is_waiting("a", 0.0)
    assert backoff.next_due(0.0) is None


def test_each_failure_in_a_row_waits_about_twice_as_long(backoff: Backoff) -> None:
    waits = [backoff.failed("a", 0.0) for _ in range(6)]

    for number, wait_s in enumerate(waits):
        assert wait_s == pytest.approx(FIRST_S * 2**number, rel=JITTER)


def test_nothing_waits_beyond_the_cap(backoff: Backoff) -> None:
    assert max(backoff.failed("a", 0.0) for _ in range(2000)) <= LONGEST_S * (1 + JITTER)


def test_things_that_failed_together_come_back_apart(backoff: Backoff) -> None:
    assert len({backoff.failed(number, 0.0) for number in range(50)}) == 50


def test_a_success_forgets_the_failures(backoff: Backoff) -> None:
    for _ in range(5):
        backoff.failed("a", 0.0)

    backoff.worked("a")

    assert not backoff.is_waiting("a", 0.0)
    assert backoff.failed("a", 0.0) == pytest.approx(FIRST_S, rel=JITTER)


def test_it_says_when_the_first_is_due(backoff: Backoff) -> None:
    first = backoff.failed("a", 10.0)
    backoff.failed("b", 100.0)

    assert backoff.next_due(10.0) == 10.0 + first
    assert backoff.is_waiting("a", 10.0 + first - 0.01)
    assert not backoff.is_waiting("a", 10.0 + first)
