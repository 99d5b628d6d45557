"""What happened is told while the provisioner runs, and when it is gone."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.test_provisioner import IDLE, KEY
from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = pytest.mark.lab


@pytest.fixture
def at_home(user: User) -> Iterator[User]:
    """A user whose provisioner is stopped at the end, whatever happens."""
    user.more["OZWALD_SYSTEM_KEY"] = KEY
    yield user
    user.types("stop_provisioner")


def test_who_changed_what_is_told_also_by_a_provisioner_that_is_gone(at_home: User, clean_hosts: Lab) -> None:
    user = at_home
    user.has({"idle": IDLE}, hosts=["box1"])
    started = user.types("start_provisioner", "--listen", "127.0.0.1:18432")
    assert started.code == 0, started.err
    assert user.types("update_services", "--wait", "--timeout", "30", "a[idle][one]").code == 0

    told = user.types("events", "-o", "json").document
    kinds = [one["kind"] for one in told]
    assert kinds[0] == "controller-started"
    assert {"request-accepted", "operation-begun", "operation-finished", "service-status"} <= set(kinds)
    [request] = [one for one in told if one["kind"] == "request-accepted"]
    assert (request["generation"], request["text"]) == (1, "added a")
    only = user.types("events", "--service", "a", "--host", "box1", "--since", "1h", "-n", "3", "-o", "json").document
    assert {(one["name"], one["host"]) for one in only} == {("a", "box1")}

    assert user.types("stop_provisioner").code == 0
    kept = user.types("events", "-o", "json").document
    assert kept[: len(told)] == told
    assert kept[-1]["kind"] == "controller-stopped"
    assert "controller-stopped" in user.types("events", "-n", "1").out
