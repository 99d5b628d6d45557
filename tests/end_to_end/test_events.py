"""What happened is told while the provisioner runs, and when it is gone."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.controlled import IDLE, KEY, ask, free_port
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab

TALK = {
    "image": "lab/quick:1",
    "pull_policy": "never",
    "command": ["sh", "-c", "echo first; echo second; exec sleep 1000"],
    "stop_grace_period": "0s",
}


@pytest.fixture
def at_home(user: User) -> Iterator[User]:
    """A user whose provisioner is stopped at the end, whatever happens."""
    user.more["OZWALD_SYSTEM_KEY"] = KEY
    yield user
    user.types("stop_provisioner")


def test_who_changed_what_is_told_also_by_a_provisioner_that_is_gone(at_home: User, clean_hosts: Lab) -> None:
    user = at_home
    user.has({"idle": IDLE}, hosts=["box1"])
    started = user.types("start_provisioner", "--listen", f"127.0.0.1:{free_port()}")
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


def test_what_a_service_wrote_can_be_read_when_its_container_and_host_are_gone(at_home: User, clean_hosts: Lab) -> None:
    user, box = at_home, clean_hosts.hosts["box1"].engine
    user.has({"talk": TALK}, hosts=["box1"])
    address = f"127.0.0.1:{free_port()}"
    started = user.types("start_provisioner", "--listen", address)
    assert started.code == 0, started.err
    assert user.types("update_services", "--wait", "--timeout", "30", "talk").code == 0
    url = f"http://{address}"

    def texts() -> list[str]:
        status, document = ask(url, "/srv/services/logs/talk/")
        return [line["text"] for line in document["lines"]] if status == 200 else []

    assert eventually(lambda: texts() == ["first", "second"]), texts()
    assert "done" in str(ask(url, "/srv/services/launch-logs/talk/")[1]["lines"])
    assert user.types("stop_provisioner").code == 0
    assert user.types("start_provisioner", "--listen", address).code == 0
    box.call("POST", "/containers/ozsvc--default--talk/restart?t=0")
    assert eventually(lambda: texts() == ["first", "second"] * 2)

    user.has_hosts([{**user.hosts["box1"], "port": 1}])
    unreachable = user.types("get_service_logs", "talk", "--last", "1")
    assert (unreachable.code, unreachable.out) == (1, "second\n"), unreachable.err
    assert f"kept by the provisioner at {url}" in unreachable.err
    user.has_hosts([user.hosts["box1"]])
    assert user.types("update_services", "--clear", "--wait", "--timeout", "30").code == 0
    assert texts() == ["first", "second"] * 2
    gone = user.types("get_service_logs", "talk", "--top", "1")
    assert (gone.code, gone.out) == (0, "first\n"), gone.err
