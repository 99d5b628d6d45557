"""When a wait for services is over though they are not as they should be."""

from ozwald.cli.waiting import Failures

GOOD: dict[str, str] = {"realm": "default", "name": "a", "host": "box1", "status": "available", "reason": ""}
BAD: dict[str, str] = GOOD | {"name": "b", "status": "failed", "reason": "no image"}
TRIED: dict[str, str] = BAD | {"status": "starting"}
WENT_BACK: dict[str, str] = BAD | {"status": "available"}


def after(*looks: dict[str, str]) -> Failures:
    failures = Failures()
    for look in looks:
        failures.note([GOOD, look])
    return failures


def test_what_failed_three_times_is_clear_unless_it_is_being_tried() -> None:
    failures = after(BAD, BAD, TRIED, WENT_BACK, TRIED, BAD)

    assert failures.say_all_of([GOOD, BAD])
    assert failures.say_all_of([GOOD, WENT_BACK])
    assert not failures.say_all_of([GOOD, TRIED])


def test_one_failure_however_often_it_is_seen_is_not() -> None:
    assert not after(BAD, BAD, BAD, BAD).say_all_of([GOOD, BAD])


def test_while_others_are_on_their_way_nothing_is_clear() -> None:
    failures = after(BAD, TRIED, BAD, TRIED, BAD)

    assert not failures.say_all_of([BAD, GOOD | {"status": "starting"}])
    assert not failures.say_all_of([GOOD])
