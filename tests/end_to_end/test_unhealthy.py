"""A service that runs and does not do its work, by its own healthcheck."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.controlled import Controlled
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab

CHECK = {"test": ["CMD-SHELL", "test ! -e /state/sick || { echo no model; exit 1; }"], "interval": 1, "retries": 1}
CHAT = {"image": "lab/busybox:1", "pull_policy": "never", "healthcheck": CHECK, "tmpfs": ["/state"]}


@pytest.fixture
def world(user: User, clean_hosts: Lab) -> Iterator[Controlled]:
    user.has({"chat": CHAT, "once": CHAT | {"restart": "no"}}, hosts=["box1"])
    made = Controlled(user, clean_hosts, ["box1"])
    made.starts()
    assert made.wants({"name": "chat", "service": "chat"}, {"name": "once", "service": "once"})
    assert eventually(lambda: made.statuses() == {"chat": "available", "once": "available"}, 30)
    yield made
    made.stops()


def test_it_is_restarted_unless_its_settings_say_no(world: Controlled) -> None:
    before = {name: started_at(world, name) for name in ("chat", "once")}
    for name in before:
        turns_sick(world, name)

    assert eventually(lambda: started_at(world, "chat") != before["chat"])
    assert eventually(lambda: world.statuses() == {"chat": "available", "once": "failed"})
    assert eventually(lambda: "its healthcheck says unhealthy: no model; " in world.services()["once"]["reason"])
    log = world.ask("GET", "/srv/services/launch-logs/chat/")[1]
    assert "no model" in str(log)
    assert "stopped, as its healthcheck says unhealthy" in str(log)

    turns_sick(world, "chat")
    assert eventually(lambda: "no model; that is 2 failures in a row" in world.services()["chat"]["reason"])
    assert started_at(world, "once") == before["once"]


def started_at(world: Controlled, name: str) -> str:
    return str(world.inspected("box1", name)["State"]["StartedAt"])


def turns_sick(world: Controlled, name: str) -> None:
    ran = world.user.types("exec", name, "touch", "/state/sick")
    assert ran.code == 0, ran.err
