"""A controller that is killed at random moments of updates honours every acknowledged request and doubles nothing.

`./dev soak` kills 500 times.
"""

import os
import random
import threading
import time
from functools import partial
from typing import Final

import pytest

from tests.end_to_end.controlled import Controlled, eventually
from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(14400)]

HOSTS: Final = ("box1", "box2", "gpu1")
NAMES: Final = ("a", "b", "c", "d")
KILLS: Final = 500 if os.environ.get("OZWALD_SOAK") else 8
PROFILES: Final = {"one": {"environment": {"N": 1}}, "two": {"environment": {"N": 2}}}
IDLE: Final = {"image": "lab/busybox:1", "pull_policy": "never", "profiles": PROFILES}

Services = list[dict[str, str]]


def test_what_was_acknowledged_is_there_after_every_kill(user: User, clean_hosts: Lab, record: list[str]) -> None:
    user.has({"idle": IDLE}, hosts=list(HOSTS))
    strangers = {host: clean_hosts.hosts[host].engine.run("lab/busybox:1", name="ozsvc--theirs--a") for host in HOSTS}
    before = inspected(clean_hosts, strangers)
    dice, world, slowest = random.Random(1), Controlled(user, clean_hosts, HOSTS), 0.0
    acknowledged: Services = []
    world.starts()
    try:
        for number in range(KILLS):
            allowed = asks_and_kills(world, dice, acknowledged)
            world.starts()
            begun = time.monotonic()
            there = eventually(partial(as_asked, world, allowed))
            assert there, f"round {number}: {allowed} {world.containers()}"
            slowest = max(slowest, time.monotonic() - begun)
            acknowledged = next(one for one in allowed if is_there(world, one))
    finally:
        world.stops()

    record.append(f"killed {KILLS} times; as asked at most {slowest:.1f} s after the start")
    assert inspected(clean_hosts, strangers) == before


def asks_and_kills(world: Controlled, dice: random.Random, acknowledged: Services) -> list[Services]:
    """Asks once to three times, with a kill in between; returns what may be wanted afterwards."""
    allowed = [acknowledged]
    killer = threading.Timer(dice.uniform(0.05, 2.5), world.is_killed)
    killer.start()
    for _ in range(dice.choice((1, 2, 3))):
        services = chosen(dice)
        allowed = [services] if world.wants(*services) else [*allowed, services]
        killer.join(dice.uniform(0.0, 0.6))
    killer.join()
    return allowed


def chosen(dice: random.Random) -> Services:
    return [
        {"name": name, "service": "idle", "profile": dice.choice(sorted(PROFILES)), "host": dice.choice(HOSTS)}
        for name in dice.sample(NAMES, dice.choice((1, 2, 3, 4)))
    ]


def as_asked(world: Controlled, allowed: list[Services]) -> bool:
    return any(is_there(world, services) for services in allowed)


def is_there(world: Controlled, services: Services) -> bool:
    """Whether exactly these run, each once, where and as it should."""
    return world.containers() == sorted((one["host"], one["name"], one["profile"], "running") for one in services)


def inspected(lab: Lab, containers: dict[str, str]) -> list[object]:
    """All that the engines say of these containers."""
    return [lab.hosts[host].engine.call("GET", f"/containers/{name}/json") for host, name in containers.items()]
