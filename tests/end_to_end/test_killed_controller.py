"""Whoever kills controller or Redis, or empties it, in the middle of updates: what was acknowledged is there, once.

`./dev soak` does so 500 times.
"""

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final

import pytest
import redis

from tests.end_to_end.controlled import Controlled
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.lab.standard import QUICK_IMAGE
from tests.waiting import eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(14400)]

HOSTS: Final = ("box1", "box2", "gpu1")
NAMES: Final = ("a", "b", "c", "d")
ROUNDS: Final = 500 if os.environ.get("OZWALD_SOAK") else 30
PROFILES: Final = {"one": {"environment": {"N": 1}}, "two": {"environment": {"N": 2}}}
IDLE: Final = {"image": QUICK_IMAGE, "pull_policy": "never", "profiles": PROFILES}
# Most starts and replacements are over by then.
LATEST_S: Final = 1.2

Services = list[dict[str, str]]


def controller_killed(world: Controlled) -> None:
    world.is_killed()


def redis_killed(world: Controlled) -> None:
    with suppress(FileNotFoundError, ProcessLookupError):
        os.kill(world.redis_pid, signal.SIGKILL)


def redis_flushed(world: Controlled) -> None:
    with suppress(redis.RedisError):
        world.redis.flushall()


BAD: Final = (controller_killed, controller_killed, redis_killed, redis_flushed)


def test_what_was_acknowledged_is_there_after_every_kill(user: User, clean_hosts: Lab, record: list[str]) -> None:
    user.has({"idle": IDLE}, hosts=list(HOSTS))
    strangers = {host: clean_hosts.hosts[host].engine.run("lab/busybox:1", name="ozsvc--theirs--a") for host in HOSTS}
    before = inspected(clean_hosts, strangers)
    dice, world, slowest = random.Random(1), Controlled(user, clean_hosts, HOSTS), 0.0
    acknowledged: Services = []
    world.starts()
    try:
        for number in range(ROUNDS):
            bad = dice.choice(BAD)
            allowed = asks_and_suffers(world, dice, bad, acknowledged)
            if not world.is_alive:
                world.starts()
            begun = time.monotonic()
            there = eventually(partial(as_asked, world, allowed))
            assert there, f"round {number}, {bad.__name__}: {allowed} {world.containers()}"
            slowest = max(slowest, time.monotonic() - begun)
            acknowledged = next(one for one in allowed if is_there(world, one))
    finally:
        world.stops()

    record.append(f"{ROUNDS} rounds of kills; as asked at most {slowest:.1f} s later")
    assert inspected(clean_hosts, strangers) == before


def asks_and_suffers(
    world: Controlled, dice: random.Random, bad: Callable[[Controlled], None], acknowledged: Services
) -> list[Services]:
    """Asks once to three times, with something bad in between; returns what may be wanted afterwards."""
    allowed = [acknowledged]
    killer = threading.Timer(dice.uniform(0.0, LATEST_S), bad, [world])
    killer.start()
    for _ in range(dice.choice((1, 2, 3))):
        services = chosen(dice)
        allowed = [services] if world.wants(*services) else [*allowed, services]
        killer.join(dice.uniform(0.0, LATEST_S / 3))
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
