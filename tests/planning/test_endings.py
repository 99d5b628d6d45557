"""What ended between two looks is read from the engine's list."""

import pytest

from ozwald.planning.endings import ended_between
from tests.builders import container, observation


def ended(before: tuple[str, str], after: tuple[str, str]) -> bool:
    """Whether a container in one state and status, and then in another, has ended."""
    looks = [observation(container("db", state=state, status=status)) for state, status in (before, after)]
    return bool(ended_between(*looks))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("running", "Up 5 minutes"), ("exited", "Exited (1) 1 second ago")),
        (("running", "Up 5 minutes"), ("restarting", "Restarting (1) Less than a second ago")),
        (("running", "Up 12 seconds"), ("running", "Up Less than a second")),
        (("running", "Up About a minute"), ("running", "Up 59 seconds")),
        (("running", "Up 2 hours (healthy)"), ("running", "Up 3 minutes (health: starting)")),
    ],
)
def test_an_end_shows_by_state_or_by_a_shorter_time(before: tuple[str, str], after: tuple[str, str]) -> None:
    assert ended(before, after)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("running", "Up 5 seconds"), ("running", "Up 9 seconds")),
        (("running", "Up 59 seconds"), ("running", "Up About a minute")),
        (("running", "Up 59 minutes"), ("running", "Up About an hour")),
        (("running", "Up 13 days"), ("running", "Up 2 weeks")),
        (("exited", "Exited (1)"), ("running", "Up 1 second")),
        (("exited", "Exited (1)"), ("exited", "Exited (1)")),
        (("running", "something else"), ("running", "Up 1 second")),
    ],
)
def test_what_runs_on_or_did_not_run_has_not_ended(before: tuple[str, str], after: tuple[str, str]) -> None:
    assert not ended(before, after)


def test_what_is_gone_was_removed_and_has_not_crashed() -> None:
    assert not ended_between(observation(container("db", status="Up 1 minute")), observation())
