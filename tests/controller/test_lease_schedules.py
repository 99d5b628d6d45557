"""Thousands of random bad days of controllers that share one Redis: never are two of them active at once."""

import os
import random
from dataclasses import dataclass, field

import pytest

from ozwald.controller.leadership import Leadership, Wakefulness
from ozwald.state.lease import FREE, LEASE_S, Held

SEEDS = 20_000 if os.environ.get("OZWALD_SOAK") else 300
DAY_S = 240


@dataclass
class World:
    """The clock, and Redis as far as the lease goes; the script that claims it is held to this by a real one."""

    now: float = 1000.0
    redis_is_up: bool = True
    holder: str | None = FREE
    ends_at: float = float("inf")

    def claim(self, name: str, *, may_take: bool) -> Held | None:
        if not self.redis_is_up:
            return None
        if self.now >= self.ends_at:
            self.holder = None
        before = self.holder
        if self.holder in (name, FREE) or (self.holder is None and may_take):
            self.holder, self.ends_at = name, self.now + LEASE_S
        is_mine = self.holder == name
        return Held(
            holder=self.holder, expires_s=self.ends_at - self.now, is_mine=is_mine, is_new=is_mine and before != name
        )


@dataclass
class Node:
    """A controller, as often killed, started again and stopped as the day wants."""

    name: str
    world: World
    asleep_until: float = 0.0
    turns_at: float = 0.0
    answered: bool = False
    leadership: Leadership = field(init=False)
    awake: Wakefulness = field(init=False)

    def __post_init__(self) -> None:
        self.starts()

    def starts(self) -> None:
        self.awake = Wakefulness(lambda: self.world.now)
        self.leadership = Leadership(wakefulness=self.awake, now=lambda: self.world.now)
        self.turns_at = self.world.now

    @property
    def is_awake(self) -> bool:
        return self.world.now >= self.asleep_until

    def lives(self) -> None:
        self.awake.tick()
        if self.world.now < self.turns_at:
            return
        held = self.world.claim(self.name, may_take=self.leadership.may_take(self.world.now))
        if held is None:
            self.leadership.silent()
        else:
            self.leadership.told(held, self.world.now)
        self.turns_at = self.world.now + self.leadership.rest_s


def bad_day(seed: int) -> tuple[list[tuple[float, list[str]]], int]:
    """The moments at which more than one would have changed hosts, and the seconds in which one would."""
    dice = random.Random(seed)
    world = World()
    nodes = [Node(name, world) for name in ("ann", "bob", "eve")]
    twice: list[tuple[float, list[str]]] = []
    led, redis_back_at = 0, 0.0
    for _ in range(DAY_S):
        world.now += 1.0
        if world.now >= redis_back_at:
            world.redis_is_up = True
        what = dice.random()
        if what < 0.01:
            world.redis_is_up, redis_back_at = False, world.now + dice.randint(1, 60)
            if dice.random() < 0.5:
                world.holder, world.ends_at = None, float("inf")
        elif what < 0.02:
            world.holder, world.ends_at = None, float("inf")
        elif what < 0.04:
            dice.choice(nodes).asleep_until = world.now + dice.randint(1, 60)
        elif what < 0.05:
            dice.choice(nodes).starts()
        dice.shuffle(nodes)
        awake = [node for node in nodes if node.is_awake]
        for node in awake:
            node.lives()
        active = [node.name for node in awake if not node.leadership.doubt()]
        led += len(active) == 1
        if len(active) > 1:
            twice.append((world.now, sorted(active)))
    return twice, led


@pytest.mark.parametrize("part", range(4))
def test_never_are_two_active_at_once(part: int) -> None:
    led = 0
    for seed in range(part, SEEDS, 4):
        twice, seconds = bad_day(seed)
        assert not twice, f"seed {seed}: {twice}"
        led += seconds

    assert led / (DAY_S * SEEDS / 4) > 0.5, "somebody is active most of the time"
