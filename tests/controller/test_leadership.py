"""Who may change something, from what Redis said and when."""

import pytest

from ozwald.controller.leadership import ALONE, GAP_S, SETTLE_S, SURE_S, Leadership, NotLeading, Wakefulness
from ozwald.state.lease import LEASE_S, Held

MINE = Held(holder="mine", expires_s=LEASE_S, is_mine=True)
OTHER = Held(holder='place token {"name": "box2:/data", "url": "http://box2:8000"}', expires_s=10.0)
NOBODYS = Held(holder=None)


class Time:
    """Passes when a test says so; the process lives through it, unless it sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.awake = Wakefulness(lambda: self.now)
        self.leadership = Leadership(wakefulness=self.awake, now=lambda: self.now)

    def passes(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.now += 1
            self.awake.tick()

    def sleeps(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


def test_nothing_is_changed_before_redis_has_said_who_is_active(time: Time) -> None:
    with pytest.raises(NotLeading, match="not known yet"):
        time.leadership.check()


def test_who_has_the_lease_is_active(time: Time) -> None:
    time.leadership.told(MINE, time.now)

    time.leadership.check()


def test_a_stand_by_names_the_active_one(time: Time) -> None:
    time.leadership.told(OTHER, time.now)

    with pytest.raises(NotLeading, match=r"box2:/data \(http://box2:8000\)"):
        time.leadership.check()


@pytest.mark.parametrize("junk", ["", "x", "a b {", "a b []", "a b 1", 'a b {"name": 1}'])
def test_a_holder_that_is_no_controller_of_ours_is_another_all_the_same(junk: str) -> None:
    assert Held(holder=junk).shown == "another controller"


def test_while_redis_is_away_the_active_one_goes_on(time: Time) -> None:
    time.leadership.told(MINE, time.now)
    for _ in range(600):
        time.passes(1)
        time.leadership.silent()

    time.leadership.check()


@pytest.mark.parametrize("ticks_first", [True, False], ids=["ticker wakes first", "ticker wakes last"])
def test_one_that_was_stopped_for_a_minute_asks_first(time: Time, ticks_first: bool) -> None:
    time.leadership.told(MINE, time.now)
    time.sleeps(60)
    if ticks_first:
        time.passes(1)

    with pytest.raises(NotLeading, match="stopped for a while"):
        time.leadership.check()
    time.leadership.silent()
    with pytest.raises(NotLeading):
        time.leadership.check()
    time.leadership.told(MINE, time.now)
    time.leadership.check()


def test_an_answer_to_a_question_from_before_the_stop_does_not_count(time: Time) -> None:
    time.leadership.told(MINE, time.now)
    asked_at = time.now
    time.sleeps(60)
    time.passes(1)
    time.leadership.told(MINE, asked_at)

    assert time.leadership.doubt()


def test_a_stop_shorter_than_the_lease_is_nothing(time: Time) -> None:
    time.leadership.told(MINE, time.now)
    time.sleeps(GAP_S + 1)

    assert SURE_S > GAP_S + 1
    time.leadership.check()


def test_a_lease_that_ran_out_in_its_time_may_be_taken(time: Time) -> None:
    time.leadership.told(OTHER, time.now)
    for _ in range(int(OTHER.expires_s)):
        time.passes(1)
        time.leadership.told(NOBODYS, time.now)

    assert time.leadership.may_take(time.now)


def test_a_lease_that_is_gone_before_its_time_is_left_to_the_active_one(time: Time) -> None:
    time.leadership.told(OTHER, time.now)
    time.passes(1)
    time.leadership.told(NOBODYS, time.now)

    assert not time.leadership.may_take(time.now)
    assert "stands by" in time.leadership.doubt()


def test_after_redis_was_away_a_stand_by_waits_for_as_long_as_a_lease_lasts(time: Time) -> None:
    time.leadership.told(OTHER, time.now)
    for _ in range(60):
        time.passes(1)
        time.leadership.silent()
        assert not time.leadership.may_take(time.now)
    time.leadership.told(NOBODYS, time.now)

    for _ in range(int(LEASE_S)):
        assert not time.leadership.may_take(time.now)
        time.passes(1)
        time.leadership.told(NOBODYS, time.now)
    assert time.leadership.may_take(time.now)


def test_the_active_one_may_take_again_what_was_flushed(time: Time) -> None:
    time.leadership.told(MINE, time.now)
    time.leadership.silent()

    assert time.leadership.may_take(time.now)


def test_who_finds_no_lease_leaves_it_for_a_moment_to_one_that_redis_has_forgotten(time: Time) -> None:
    assert not time.leadership.may_take(time.now)
    time.leadership.told(NOBODYS, time.now)
    time.passes(SETTLE_S - 1)
    assert not time.leadership.may_take(time.now)
    time.leadership.told(NOBODYS, time.now)

    time.passes(1)
    assert time.leadership.may_take(time.now)


def test_one_that_slept_knows_nothing_of_the_lease_any_more(time: Time) -> None:
    time.leadership.told(OTHER, time.now)
    time.sleeps(60)
    assert not time.leadership.may_take(time.now)
    time.leadership.told(NOBODYS, time.now)

    assert not time.leadership.may_take(time.now)


def test_one_that_slept_while_it_had_the_lease_does_not_take_it_again_at_once(time: Time) -> None:
    time.leadership.told(MINE, time.now)
    time.sleeps(60)
    assert not time.leadership.may_take(time.now)
    time.leadership.told(NOBODYS, time.now)

    assert not time.leadership.may_take(time.now)


def test_who_has_redis_for_itself_need_not_wait() -> None:
    assert ALONE.may_take(0.0)


def test_one_that_is_cut_off_from_redis_sees_on_the_hosts_that_it_was_followed(time: Time) -> None:
    time.leadership.told(MINE, time.now)
    time.leadership.check_generation(7, 8)
    time.passes(SURE_S)

    time.leadership.check_generation(7, 7)
    with pytest.raises(NotLeading, match="generation 8 asked for, and this controller knows 7"):
        time.leadership.check_generation(7, 8)
    time.leadership.told(MINE, time.now)
    time.leadership.check_generation(7, 8)


def test_one_that_is_alone_believes_itself() -> None:
    ALONE.check_generation(7, 8)
