"""Whatever befalls a host, the provisioner says so within seconds and heals it by itself, and others notice nothing."""

import time
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.end_to_end.controlled import Controlled
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.lab.host import Host
from tests.waiting import eventually

pytestmark = pytest.mark.lab

IMAGE: Final = {"image": "lab/quick:1", "pull_policy": "never", "profiles": {"one": {"environment": {"N": 1}}}}
SERVICES: Final = {
    "idle": IMAGE,
    "follower": {**IMAGE, "depends_on": ["a"]},
    "brittle": {**IMAGE, "command": ["sh", "-c", "sleep 1; exit 7"]},
}
A: Final = {"name": "a", "service": "idle", "profile": "one", "host": "box1"}
B: Final = {"name": "b", "service": "idle", "profile": "one", "host": "box2"}


@pytest.fixture
def world(user: User, clean_hosts: Lab) -> Iterator[Controlled]:
    """Two hosts with a service each; that on box2 has to run on undisturbed."""
    user.has(SERVICES, hosts=["box1", "box2"])
    controlled = Controlled(user, clean_hosts, ["box1", "box2"])
    controlled.starts()
    try:
        assert controlled.wants(A, B)
        assert eventually(lambda: controlled.statuses() == {"a": "available", "b": "available"}, 30)
        before = state(controlled, "box2", "b")
        yield controlled
        assert state(controlled, "box2", "b") == before
    finally:
        controlled.stops()


def box(world: Controlled) -> Host:
    return world.lab.hosts["box1"]


def state(world: Controlled, host: str, name: str) -> dict[str, Any]:
    """What only a restart changes of a container's state."""
    return {key: value for key, value in world.inspected(host, name)["State"].items() if key != "Health"}


def test_a_container_that_is_removed_comes_back(world: Controlled) -> None:
    box(world).engine.call("DELETE", "/containers/ozsvc--default--a?force=1")

    assert eventually(lambda: bool(world.inspected("box1", "a")))
    assert eventually(lambda: world.statuses()["a"] == "available")


def test_a_container_that_keeps_ending_is_slowed_and_told(world: Controlled) -> None:
    assert world.wants(A, B, {"name": "c", "service": "brittle", "profile": "one", "host": "box1"})

    assert eventually(lambda: world.services().get("c", {}).get("status") == "failed", 20)
    assert eventually(lambda: "tried again in" in world.services()["c"]["reason"])
    assert world.statuses()["a"] == "available"


def test_a_container_that_is_killed_in_a_loop_is_slowed_and_heals(world: Controlled) -> None:
    over = time.monotonic() + 10
    kills = 0
    while time.monotonic() < over and world.statuses()["a"] != "failed":
        kills += box(world).engine.request("POST", "/containers/ozsvc--default--a/kill")[0] == 204
        time.sleep(0.3)

    assert world.statuses()["a"] == "failed"
    assert "tried again in" in world.services()["a"]["reason"]
    assert kills < 12
    assert eventually(lambda: world.statuses()["a"] == "available", 30)


def test_an_engine_that_is_restarted_has_its_services_back(world: Controlled) -> None:
    box(world).kill_dockerd()
    assert eventually(lambda: world.statuses()["a"] == "unreachable")

    box(world).start_dockerd()

    assert eventually(lambda: world.statuses()["a"] == "available")


def test_a_frozen_host_keeps_nobody_waiting(world: Controlled) -> None:
    box(world).freeze_sshd()
    box(world).freeze_dockerd()
    try:
        assert eventually(lambda: world.statuses()["a"] == "unreachable")
        begun = time.monotonic()
        assert world.wants(A, B, {"name": "d", "service": "idle", "profile": "one", "host": "box2"})
        assert eventually(lambda: world.statuses().get("d") == "available")
        assert time.monotonic() - begun < 10
    finally:
        box(world).thaw_dockerd()
        box(world).thaw_sshd()

    assert eventually(lambda: world.statuses()["a"] == "available")


def test_a_host_that_is_cut_off_loses_nothing(world: Controlled) -> None:
    before = state(world, "box1", "a")
    box(world).cut()
    try:
        assert eventually(lambda: world.statuses()["a"] == "unreachable")
        assert "it was available when last seen" in world.services()["a"]["reason"]
    finally:
        box(world).mend()

    assert eventually(lambda: world.statuses()["a"] == "available")
    assert state(world, "box1", "a") == before


def test_after_a_reboot_everything_returns_in_order(world: Controlled) -> None:
    follower = {"name": "z", "service": "follower", "profile": "one", "host": "box1"}
    assert world.wants(A, B, follower)
    assert eventually(lambda: world.statuses().get("z") == "available", 20)

    def begun() -> list[str]:
        return [world.inspected("box1", name).get("State", {}).get("StartedAt", "") for name in ("a", "z")]

    before = begun()
    box(world).reboot()

    assert eventually(lambda: all(now > then for now, then in zip(begun(), before, strict=True)), 20)
    assert eventually(lambda: world.statuses() == {"a": "available", "b": "available", "z": "available"})
    first, then = begun()
    assert first < then


def test_a_full_disk_is_told_and_heals(world: Controlled) -> None:
    box(world).shell("mount -t tmpfs -o size=4k,mode=711 full /run/lab/docker/containers", check=True)
    try:
        assert world.wants(A, B, {"name": "d", "service": "idle", "profile": "one", "host": "box1"})
        assert eventually(lambda: world.statuses().get("d") == "failed")
        assert "no space left" in world.services()["d"]["reason"]
        assert world.statuses()["a"] == "available"
    finally:
        box(world).shell("umount /run/lab/docker/containers", check=True)

    assert eventually(lambda: world.statuses()["d"] == "available", 30)


def test_a_stop_waits_for_no_silent_host_and_leaves_services_running(world: Controlled) -> None:
    box(world).cut()
    try:
        assert eventually(lambda: world.statuses()["a"] == "unreachable")
        assert world.wants(A, B, {"name": "d", "service": "idle", "profile": "one", "host": "box2"})
        assert eventually(lambda: bool(world.inspected("box2", "d")))

        assert world.stops() < 10
    finally:
        box(world).mend()

    assert world.inspected("box2", "d")["State"]["Running"]
