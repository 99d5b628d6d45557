"""What fails or keeps ending is slowed, and what runs well again starts with a clean slate."""

import random

import pytest

from ozwald.controller.backoff import FIRST_S, JITTER
from ozwald.controller.troubles import HEALTHY_S, LOOPING, WELL_S, Troubles
from ozwald.model.plan import InstanceKey

DB = InstanceKey(realm="default", name="db")


@pytest.fixture
def troubles() -> Troubles:
    return Troubles(random.Random(1), wall=lambda: 1_700_000_000.0)


def test_the_first_end_is_followed_by_a_start_at_once(troubles: Troubles) -> None:
    troubles.ended(DB, "exit code 1", 100.0)

    assert not troubles.is_waiting(DB, 100.0)
    assert troubles.reasons == {}


def test_ends_in_a_row_wait_longer_and_are_told_with_the_next_try(troubles: Troubles) -> None:
    for number in range(LOOPING):
        troubles.ended(DB, "exit code 7", 100.0 + number)

    assert troubles.is_looping(DB)
    assert troubles.next_due(102.0) == pytest.approx(102.0 + 2 * FIRST_S, abs=2 * FIRST_S * JITTER)
    assert "ended 3 times in a row (exit code 7)" in troubles.reasons[DB]
    assert "tried again in" in troubles.reasons[DB]


def test_who_runs_for_a_moment_only_is_not_forgiven(troubles: Troubles) -> None:
    for number in range(LOOPING):
        troubles.ended(DB, "exit code 7", 100.0 + number)
    troubles.runs(DB, 102.0 + WELL_S / 2)

    assert troubles.is_looping(DB)


def test_who_ran_well_for_a_while_is(troubles: Troubles) -> None:
    for number in range(LOOPING):
        troubles.ended(DB, "exit code 7", 100.0 + number)
    troubles.runs(DB, 102.0 + WELL_S)

    assert not troubles.is_looping(DB)
    assert not troubles.is_waiting(DB, 102.0)


def test_who_turns_unhealthy_again_and_again_is_restarted_more_and_more_rarely(troubles: Troubles) -> None:
    troubles.turned_unhealthy(DB, "its healthcheck says unhealthy: no route", 100.0)
    assert not troubles.is_waiting(DB, 100.0)
    troubles.runs(DB, 100.0 + HEALTHY_S - 1)
    troubles.turned_unhealthy(DB, "its healthcheck says unhealthy: no route", 700.0)

    assert troubles.is_waiting(DB, 700.0)
    assert "no route; that is 2 failures in a row; tried again in" in troubles.reasons[DB]
    troubles.runs(DB, 700.0 + HEALTHY_S)
    assert not troubles.is_waiting(DB, 700.0)


def test_other_settings_are_tried_at_once(troubles: Troubles) -> None:
    troubles.wanted_as(DB, "one")
    troubles.failed(DB, "no such image", 100.0)
    troubles.wanted_as(DB, "one")
    assert troubles.is_waiting(DB, 100.0)

    troubles.wanted_as(DB, "two")

    assert not troubles.is_waiting(DB, 100.0)
    assert troubles.reasons == {}
