"""What fails or keeps ending is slowed, and what runs well again starts with a clean slate."""

import random
from pathlib import Path

import pytest

from ozwald.controller.backoff import FIRST_S, JITTER, LONGEST_S
from ozwald.controller.troubles import HEALTHY_S, LOOPING, WELL_S, Troubles
from ozwald.model.plan import InstanceKey
from ozwald.state.home import DataFolder
from ozwald.state.slates import Slates

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


class TestAfterARestart:
    """Another controller's clock begins anew, and the wall's goes on."""

    @pytest.fixture
    def slates(self, tmp_path: Path) -> Slates:
        return Slates(DataFolder(tmp_path), "local")

    def looping(self, slates: Slates) -> Troubles:
        before = Troubles(random.Random(1), slates=slates, wall=lambda: 5000.0)
        before.wanted_as(DB, "as it is")
        for number in range(LOOPING):
            before.ended(DB, "exit code 7", 100.0 + number)
        before.keep(102.0)
        return before

    def again(self, slates: Slates, *, passed_s: float) -> Troubles:
        after = Troubles(random.Random(1), slates=slates, wall=lambda: 5000.0 + passed_s)
        after.recall(7.0)
        return after

    def test_who_kept_ending_is_still_left_alone_and_told(self, slates: Slates) -> None:
        before, after = self.looping(slates), self.again(slates, passed_s=2.0)

        assert after.is_waiting(DB, 7.0)
        assert after.is_looping(DB)
        assert after.reasons == before.reasons
        assert after.next_due(7.0) == pytest.approx((before.next_due(104.0) or 0) - 104.0 + 7.0)

    def test_the_next_wait_is_longer(self, slates: Slates) -> None:
        self.looping(slates)
        after = self.again(slates, passed_s=2.0)
        after.ended(DB, "exit code 7", 100.0)

        assert "ended 4 times in a row" in after.reasons[DB]

    def test_other_settings_are_tried_at_once(self, slates: Slates) -> None:
        self.looping(slates)
        after = self.again(slates, passed_s=2.0)
        after.wanted_as(DB, "another")

        assert not after.is_waiting(DB, 7.0)

    def test_what_was_long_ago_is_forgotten(self, slates: Slates) -> None:
        self.looping(slates)

        assert self.again(slates, passed_s=WELL_S + 1).reasons == {}

    def test_a_clock_that_was_set_back_makes_nobody_wait_for_ever(self, slates: Slates) -> None:
        self.looping(slates)
        after = self.again(slates, passed_s=-86_400.0)

        assert not after.is_waiting(DB, 7.0 + 2 * LONGEST_S)

    def test_who_runs_well_again_is_not_kept(self, slates: Slates) -> None:
        before = self.looping(slates)
        before.runs(DB, 102.0 + WELL_S)
        before.keep(102.0 + WELL_S)

        assert slates.read() == {}

    def test_a_damaged_file_is_a_clean_slate(self, slates: Slates, tmp_path: Path) -> None:
        self.looping(slates)
        (tmp_path / "troubles" / "local.json").write_text("damaged")

        assert self.again(slates, passed_s=1.0).reasons == {}


def test_other_settings_are_tried_at_once(troubles: Troubles) -> None:
    troubles.wanted_as(DB, "one")
    troubles.failed(DB, "no such image", 100.0)
    troubles.wanted_as(DB, "one")
    assert troubles.is_waiting(DB, 100.0)

    troubles.wanted_as(DB, "two")

    assert not troubles.is_waiting(DB, 100.0)
    assert troubles.reasons == {}
