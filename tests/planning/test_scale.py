"""Planning many instances costs as many times more as there are more of them, not the square of it."""

import sys
from collections.abc import Callable
from types import FrameType

import pytest

from ozwald.model.wanted import WantedSet
from ozwald.planning.planner import make_plan
from tests.builders import KEY, definition, observation, our_container, placed, realms, situation, wanted

KNOWN = realms(definition("idle"))


def calls_of(work: Callable[[], object]) -> int:
    """How many functions, Python's and C's, a piece of work calls."""
    count = 0

    def counted(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def some(count: int) -> WantedSet:
    return wanted(*(placed("box1", f"i{number}", service="idle") for number in range(count)))


def nothing_runs(count: int) -> Callable[[], object]:
    seen = situation({"box1": observation()})
    return lambda: make_plan(some(count), KNOWN, seen, key=KEY)


def all_run(count: int) -> Callable[[], object]:
    running = (our_container(f"i{number}", service="idle") for number in range(count))
    seen = situation({"box1": observation(*running)})
    return lambda: make_plan(some(count), KNOWN, seen, key=KEY)


def one_on_each_of(count: int) -> Callable[[], object]:
    hosts = [f"box{number}" for number in range(count)]
    seen = situation({name: observation(our_container(f"i{name}", service="idle"), name=name) for name in hosts})
    pinned = wanted(*(placed(name, f"i{name}", service="idle", host=name) for name in hosts))
    return lambda: make_plan(pinned, KNOWN, seen, key=KEY)


@pytest.mark.parametrize("fleet", [nothing_runs, all_run, one_on_each_of])
def test_sixteen_times_as_many_instances_take_sixteen_times_the_work_or_half_as_much_again(
    fleet: Callable[[int], Callable[[], object]],
) -> None:
    assert calls_of(fleet(320)) < 1.5 * 16 * calls_of(fleet(20))
