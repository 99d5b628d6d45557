"""What `update_services` asks for is what runs then, and a change that fails leaves the one before."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from ozwald.client import ApiError, Client
from tests.end_to_end.controlled import KEY, Controlled
from tests.end_to_end.user import Ran, User
from tests.lab import Lab

pytestmark = pytest.mark.lab

IDLE: dict[str, Any] = {
    "image": "lab/busybox:1",
    "pull_policy": "never",
    "command": ["sleep", "100000"],
    "stop_grace_period": "1s",
    "varieties": {"cpu-only": {}, "small": {"hardware": "cpu-only", "environment": {"SIZE": "small"}}},
    "profiles": {"one": {"environment": {"N": "1"}}, "two": {"environment": {"N": "2"}}},
}
OTHER = IDLE | {"command": ["sleep", "200000"]}


@pytest.fixture
def live(user: User, clean_hosts: Lab) -> Iterator[Controlled]:
    user.has({"idle": IDLE, "other": OTHER}, hosts=["box1"])
    controlled = Controlled(user, clean_hosts, ["box1"])
    controlled.starts()
    yield controlled
    controlled.stops()


def update(live: Controlled, *words: str, given: object = None) -> Ran:
    answer = b"" if given is None else json.dumps(given).encode()
    return live.user.types("update_services", "--wait", "--timeout", "40", *words, answer=answer)


def environment(live: Controlled, name: str = "a") -> set[str]:
    return set(live.inspected("box1", name)["Config"]["Env"])


def test_each_way_to_ask_leaves_what_it_says(live: Controlled) -> None:
    def running() -> set[str]:
        return {name for _, name, _, state in live.containers() if state == "running"}

    listed = update(live, "--file", "-", given=["a[idle][one]", {"name": "b", "service": "idle", "profile": "two"}])
    assert (listed.code, running()) == (0, {"a", "b"}), listed.err
    assert update(live, "--add", "c[other]").code == 0
    assert running() == {"a", "b", "c"}
    assert update(live, "--remove", "b").code == 0
    assert running() == {"a", "c"}
    dry = live.user.types("update_services", "--dry-run", "-o", "json", "d[other]")
    assert {one["name"]: one["action"] for one in dry.document["operations"]} == {
        "a": "stop",
        "c": "stop",
        "d": "create",
    }
    assert running() == {"a", "c"}
    assert update(live, "d[other]").code == 0
    assert running() == {"d"}
    assert update(live, "--clear").code == 0
    assert running() == set()
    assert [one["command"].split()[1] for one in live.user.types("history", "-o", "json").document] == [
        "update_services"
    ] * 5


def test_another_profile_variety_definition_or_service_replaces(live: Controlled) -> None:
    ids: list[str] = []
    for spec, variable in (
        ("a[idle][one][cpu-only]", "N=1"),
        ("a[idle][two][cpu-only]", "N=2"),
        ("a[idle][two][small]", "SIZE=small"),
    ):
        ran = update(live, spec)
        assert ran.code == 0, ran.err
        assert variable in environment(live)
        ids.append(live.inspected("box1", "a")["Id"])

    live.user.has({"idle": IDLE | {"environment": {"NEW": "1"}}, "other": OTHER}, hosts=["box1"])
    assert live.user.types("reload").code == 0
    ran = update(live, "a[idle][two][small]")
    assert ran.code == 0, ran.err
    assert "NEW=1" in environment(live)
    ids.append(live.inspected("box1", "a")["Id"])

    ran = update(live, "a[other]")
    assert ran.code == 0, ran.err
    found = live.inspected("box1", "a")
    assert found["Config"]["Labels"]["ozwald.service"] == "other"
    assert len({*ids, found["Id"]}) == 5
    assert len(live.containers()) == 1


def test_a_replacement_that_fails_is_told_and_the_one_before_runs_on(live: Controlled) -> None:
    assert update(live, "a[idle][one]").code == 0
    before = live.inspected("box1", "a")["Id"]
    broken = IDLE | {"profiles": IDLE["profiles"] | {"bad": {"command": ["/bin/no-such-program"]}}}
    live.user.has({"idle": broken, "other": OTHER}, hosts=["box1"])
    assert live.user.types("reload").code == 0

    ran = update(live, "-o", "json", "a[idle][bad]")

    assert ran.code == 1, ran.out + ran.err
    assert ran.document["all_available"] is False
    [service] = ran.document["services"]
    assert service["reason"].startswith("what is wanted now failed, and the one before still runs: "), service
    assert "no-such-program" in service["reason"]
    assert live.inspected("box1", "a")["Id"] == before
    assert live.inspected("box1", "a")["State"]["Running"]


def test_who_knows_an_older_generation_changes_nothing(live: Controlled) -> None:
    with Client(f"http://127.0.0.1:{live.port}", key=KEY, author="bot", command="nightly") as client:
        assert client.update([{"name": "a", "service": "idle"}], expected=0) == 1
        with pytest.raises(ApiError) as refused:
            client.update([], expected=0)
        assert refused.value.status == 409
        assert client.wanted()["generation"] == 1
    [made] = live.user.types("history", "-o", "json").document
    assert (made["owner"], made["command"]) == ("bot", "nightly")
