"""Persistent services run whatever is asked for, with a controller and without."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.controlled import Controlled
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab

IDLE = {"image": "lab/busybox:1", "pull_policy": "never", "command": ["sleep", "100000"]} | {
    "stop_grace_period": "1s",
    "profiles": {"one": {"environment": {"N": "1"}}, "two": {"environment": {"N": "2"}}},
}


@pytest.fixture
def live(user: User, clean_hosts: Lab) -> Iterator[Controlled]:
    """A provisioner on a fresh data folder, whose settings have one persistent service."""
    has(user, "db[idle][one]@box1")
    controlled = Controlled(user, clean_hosts, ["box1", "box2"])
    controlled.starts()
    yield controlled
    controlled.stops()


def has(user: User, *persistent: str) -> None:
    user.has({"idle": IDLE}, hosts=["box1", "box2"], **{"persistent-services": list(persistent)})


def runs(live: Controlled, *expected: tuple[str, str, str]) -> bool:
    return eventually(lambda: [one[:3] for one in live.containers() if one[3] == "running"] == sorted(expected))


DB, CHAT = ("box1", "db", "one"), ("box2", "chat", "two")


def test_a_fresh_provisioner_starts_them_and_no_request_takes_them_away(live: Controlled) -> None:
    user = live.user
    assert runs(live, DB)
    assert live.ask("GET", "/srv/services/wanted/")[1]["generation"] == 1
    assert eventually(lambda: live.services()["db"]["persistent"] is True)

    added = user.types("update_services", "--wait", "--timeout", "30", "chat[idle][two]@box2")
    assert (added.code, "persistent: db" in added.out) == (0, True), added.out + added.err
    assert runs(live, DB, CHAT)
    listed = user.types("list_active_services", "-o", "json").document
    assert {one["name"]: one["persistent"] for one in listed} == {"db": True, "chat": False}

    cleared = user.types("update_services", "--wait", "--timeout", "30", "--clear")
    assert (cleared.code, "persistent: db" in cleared.out) == (0, True), cleared.out + cleared.err
    assert runs(live, DB)

    for words in (("--remove", "db"), ("--add", "db[idle][two]")):
        refused = user.types("update_services", *words)
        assert (refused.code, "db is persistent" in refused.err) == (2, True), refused.err
    assert live.ask("POST", "/srv/services/update/", [{"name": "db", "service": "idle", "profile": "two"}])[0] == 400


def test_a_reload_starts_what_is_new_and_stops_what_is_gone(live: Controlled) -> None:
    assert runs(live, DB)
    has(live.user, "chat[idle][two]@box2")

    ran = live.user.types("reload")

    assert ran.code == 0, ran.err
    assert runs(live, CHAT)
    assert live.ask("GET", "/srv/services/wanted/")[1]["generation"] == 2
    history = live.user.types("history", "-o", "json").document
    assert {one["owner"] for one in history} == {"settings"}


def test_a_stop_with_services_leaves_them_and_says_so(live: Controlled) -> None:
    assert live.wants({"name": "chat", "service": "idle", "profile": "two", "host": "box2"})
    assert runs(live, DB, CHAT)

    ran = live.user.types("stop_provisioner", "--services")

    assert (ran.code, "goes on running: db" in ran.out) == (0, True), ran.out + ran.err
    assert runs(live, DB)


def test_without_a_controller_apply_and_plan_have_them_too(user: User, clean_hosts: Lab) -> None:
    has(user, "db[idle][one]@box1")

    planned = user.types("plan", "-o", "json")
    assert [(one["action"], one["name"]) for one in planned.document["operations"]] == [("create", "db")]
    assert user.types("apply").code == 0
    both = user.types("apply", "-o", "json", "chat[idle][two]@box2")
    assert {one["name"]: one["action"] for one in both.document["operations"]} == {"db": "keep", "chat": "create"}
    refused = user.types("apply", "--remove", "db")
    assert (refused.code, "db is persistent and stays" in refused.err) == (2, True), refused.err

    has(user)
    gone = user.types("apply", "-o", "json")
    assert {one["name"]: one["action"] for one in gone.document["operations"]} == {"chat": "keep", "db": "stop"}


def test_what_is_wrong_with_one_is_told_with_its_place(user: User) -> None:
    has(user, "dbb[idlee]")

    ran = user.types("validate")

    assert (ran.code, "settings.yml:1:" in ran.err) == (2, True), ran.err
    assert (
        "realms.default.persistent-services[0]: no service 'idlee' in realm 'default'; did you mean 'idle'?" in ran.err
    )
