"""What a person does next after a start went wrong."""

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = pytest.mark.lab

IMAGE = "lab/busybox:1"


def test_a_crash_looping_service_is_repaired_by_fixing_its_settings(user: User, clean_hosts: Lab) -> None:
    user.has({"llm": {"image": IMAGE, "command": ["sh", "-c", "exit 3"]}}, hosts=["box1"])
    broken = user.types("apply", "llm")
    again = user.types("apply", "llm")
    user.has({"llm": {"image": IMAGE}}, hosts=["box1"])

    fixed = user.types("apply", "llm")

    assert (broken.code, again.code) == (1, 1)
    assert "exit code 3" in broken.out
    assert fixed.code == 0, fixed.out + fixed.err
    containers = clean_hosts.hosts["box1"].engine.call("GET", "/containers/json?all=1")
    assert [container["State"] for container in containers] == ["running"]


def test_a_service_whose_network_was_removed_starts_again(user: User, clean_hosts: Lab) -> None:
    user.has({"llm": {"image": IMAGE}}, hosts=["box1"])
    user.types("apply", "llm")
    engine = clean_hosts.hosts["box1"].engine
    engine.call("POST", "/containers/ozsvc--default--llm/stop")
    engine.call("DELETE", "/networks/oznet--default--default")

    ran = user.types("apply", "llm")

    assert ran.code == 0, ran.out + ran.err


def test_a_container_made_from_a_committed_service_is_not_ours(user: User, clean_hosts: Lab) -> None:
    user.has({"llm": {"image": IMAGE}}, hosts=["box1"])
    user.types("apply", "llm")
    engine = clean_hosts.hosts["box1"].engine
    engine.call("POST", "/commit?container=ozsvc--default--llm&repo=mine&tag=1", {})
    experiment = engine.run("mine:1", name="my-experiment")

    ran = user.types("apply", "-f", empty_list(user))

    assert ran.code == 0, ran.err
    assert engine.call("GET", f"/containers/{experiment}/json")["State"]["Running"]


def test_nobody_reading_the_progress_harms_nothing(user: User, clean_hosts: Lab) -> None:
    user.has({"llm": {"image": IMAGE}}, hosts=["box1"])

    user.pipes_into("head -c 1 >/dev/null", "apply", "llm")

    containers = clean_hosts.hosts["box1"].engine.call("GET", "/containers/json")
    assert [container["State"] for container in containers] == ["running"]


def empty_list(user: User) -> str:
    path = user.folder / "nothing.yml"
    path.write_text("[]\n")
    return str(path)
