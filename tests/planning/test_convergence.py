"""Thousands of seeded random worlds: an applied plan leaves nothing to change, and never touches what is not ours."""

import itertools
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from ozwald.model.container import LABEL_LIMITS, ObservedContainer, ObservedPort, container_name, leftover_name
from ozwald.model.plan import Action, InstanceKey, Operation, Placement, Plan
from ozwald.model.realm import Realm
from ozwald.model.resources import Hardware
from ozwald.model.service import Requires
from ozwald.model.wanted import Leaving, WantedInstance, WantedSet
from ozwald.planning.planner import make_plan, placed_as
from ozwald.planning.situation import Situation
from tests.builders import (
    GIB,
    KEY,
    OTHER_CONTROLLER,
    Values,
    container,
    definition,
    depends_on,
    gpu,
    key,
    observation,
    our_container,
    port,
    realms,
    request,
    situation,
)

HOSTS = ("box1", "box2", "gpu1", "gpu2")
SERVICES = ("db", "llm", "web", "worker")
MEMORY_GIB = 64
SEEDS = 200
AT_A_TIME = 50


class Killed(Exception):
    """The controller died here."""


@dataclass
class World:
    """Hosts with containers, and what carrying out an operation does to them; `idle` engines use no VRAM yet."""

    containers: dict[str, dict[str, ObservedContainer]]
    usage: dict[str, Placement] = field(default_factory=dict)
    unreachable: set[str] = field(default_factory=set)
    idle: bool = False
    ids: Iterator[int] = field(default_factory=itertools.count)

    def seen(self) -> Situation:
        return situation(
            {
                host: observation(
                    *here.values(),
                    name=host,
                    memory_gib=MEMORY_GIB - sum(self._memory_gib(one) for one in here.values()),
                    gpus=[
                        gpu(
                            index,
                            on=host,
                            used_gib=0 if self.idle else self.needed_gib(here, f"GPU-{host}nvidia-{index}"),
                        )
                        for index in range(2 if host.startswith("gpu") else 0)
                    ],
                )
                for host, here in self.containers.items()
                if host not in self.unreachable
            },
            unreachable=dict.fromkeys(self.unreachable, "timed out"),
        )

    def carry_out(self, operation: Operation, *, killed_after: int = 99) -> None:
        """Does an operation step by step, as execution does, and may die after some steps."""
        assert operation.host is not None
        assert operation.host not in self.unreachable
        here = self.containers[operation.host]
        steps = itertools.count(1)

        def step() -> None:
            if next(steps) > killed_after:
                raise Killed

        old = operation.container_id
        if operation.action is Action.REPLACE:
            assert old is not None
            step()
            name = container_name(operation.key.realm, operation.key.name)
            here[old] = replace(here[old], name=leftover_name(name, old))
        if operation.action in (Action.CREATE, Action.REPLACE):
            step()
            new = self._create(operation)
            step()
            here[new] = replace(here[new], state="running")
        if operation.action is Action.START:
            assert old is not None
            step()
            here[old] = replace(here[old], state="running")
        if operation.action is Action.UPDATE:
            assert old is not None
            step()
            here[old] = replace(here[old], labels={**here[old].labels, LABEL_LIMITS: operation.limits})
            return
        gone = operation.leftovers if operation.action is Action.START or old is None else (old, *operation.leftovers)
        for one in gone:
            step()
            del here[one]

    def ours(self) -> Counter[InstanceKey]:
        """How many containers each instance of ours has, on all hosts."""
        everywhere = self.seen() if not self.unreachable else replace(self).with_all_reachable().seen()
        return Counter(key for _, key, _ in everywhere.ours())

    def with_all_reachable(self) -> "World":
        self.unreachable = set()
        return self

    def foreign(self) -> set[tuple[str, str, str]]:
        return {
            (host, one.id, one.name)
            for host, here in self.containers.items()
            for one in here.values()
            if one.id not in self.usage
        }

    def _create(self, operation: Operation) -> str:
        placement, here = operation.placement, self.containers[operation.host or ""]
        assert placement is not None
        spec = placement.spec
        name = container_name(spec.realm, spec.instance)
        assert name not in [one.name for one in here.values()], "the engine would have refused the name"
        new = our_container(
            spec.instance,
            id=f"{next(self.ids):012x}".ljust(64, "0"),
            service=spec.service,
            variety=spec.variety or "",
            profile=spec.profile or "",
            fingerprint=operation.fingerprint,
            limits=operation.limits,
            gpus=",".join(card.id for card in placement.gpus),
            ports=[
                ObservedPort(target=one.target, protocol=one.protocol, published=one.published) for one in spec.ports
            ],
            state="created",
        )
        here[new.id] = new
        self.usage[new.id] = placement
        return new.id

    def _memory_gib(self, one: ObservedContainer) -> float:
        used = self.usage.get(one.id)
        return (used.spec.requires.memory_bytes or 0) / GIB if used and one.is_running else 0

    def needed_gib(self, here: dict[str, ObservedContainer], card: str) -> float:
        using = [self.usage[one.id] for one in here.values() if one.is_running and one.id in self.usage]
        return sum(
            (used.spec.requires.vram_bytes or 0) / GIB for used in using if card in [given.id for given in used.gpus]
        )


def random_world(dice: random.Random) -> World:
    """Hosts on which strangers and another controller left containers, some under our names."""
    world = World({host: {} for host in HOSTS})
    for host in HOSTS:
        for service in SERVICES:
            name = container_name("default", service)
            found = dice.choices(
                [
                    None,
                    container(name),
                    our_container(service, controller=OTHER_CONTROLLER),
                    container(leftover_name(name, "0123456789abcdef")),
                    our_container(service, controller=""),
                    our_container(service, name=f"made-from-docker-commit-of-{service}"),
                    our_container(service, name=leftover_name(name, "0123456789abcdef")),
                ],
                weights=[30, 1, 1, 1, 1, 1, 1],
            )[0]
            if found is not None:
                world.containers[host][found.id] = found
    return world


def random_settings(dice: random.Random, *, scarce: bool) -> dict[str, Realm]:
    """Definitions that depend on each other down the alphabet, so never in a circle."""

    def needs(*, card: bool) -> Requires | None:
        return Requires(
            memory_bytes=dice.choice([8, 24, 40]) * GIB if scarce else None,
            vram_bytes=dice.choice([4, 10, 20]) * GIB if scarce and card else None,
            gpus=dice.choice([None, None, 1, 2, "all"]) if card else None,
        )

    def varieties() -> Mapping[str, Values]:
        return {"nvidia": {"requires": needs(card=True)}, "cpu-only": {}}

    return realms(
        *(
            definition(
                name,
                base={
                    "image": f"{name}:{dice.randint(1, 2)}",
                    "requires": needs(card=False),
                    "environment": {"LEVEL": dice.choice(["low", "high"])},
                    "ports": dice.choice([(), (port(80),), (port(80, 8000 + dice.randint(0, 2)),)]),
                    "depends_on": depends_on(
                        *dice.sample(SERVICES[:index], dice.choice([0, 0, min(index, 1)])),
                        required=dice.random() < 0.7,
                    ),
                },
                varieties=varieties() if dice.random() < 0.4 else {},
            )
            for index, name in enumerate(SERVICES)
        )
    )


def random_wanted(dice: random.Random, before: WantedSet) -> WantedSet:
    placed = {instance.key.name: instance.placed_on for instance in before.instances}
    return WantedSet(
        generation=before.generation + 1,
        instances=tuple(
            WantedInstance(
                request=request(name, host=dice.choice([None, None, dice.choice(HOSTS), "gpu*"])),
                placed_on=placed.get(name),
            )
            for name in dice.sample(SERVICES, dice.randint(0, len(SERVICES)))
        ),
    )


def asked_for(names: Sequence[str], before: WantedSet) -> WantedSet:
    """These instances and no others, wherever they are placed; what is dropped leaves."""
    placed = {instance.key.name: instance.placed_on for instance in before.instances}
    dropped = {Leaving(key=key(name), host=on) for name, on in placed.items() if on is not None and name not in names}
    return WantedSet(
        generation=before.generation + 1,
        instances=tuple(WantedInstance(request=request(name), placed_on=placed.get(name)) for name in names),
        leaving=tuple(sorted({*before.leaving, *dropped})),
    )


def carry_out(plan: Plan, world: World) -> None:
    for operation in plan.changes:
        world.carry_out(operation)


@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_the_plan_of_an_applied_plan_changes_nothing(first: int) -> None:
    for seed in range(first, first + AT_A_TIME):
        dice = random.Random(seed)
        world, want = random_world(dice), WantedSet(generation=0)
        strangers = world.foreign()
        for _ in range(4):
            known, want = random_settings(dice, scarce=False), random_wanted(dice, want)
            plan = make_plan(want, known, world.seen(), key=KEY)
            want = placed_as(plan, want, world.seen())
            carry_out(plan, world)

            again = make_plan(want, known, world.seen(), key=KEY)

            assert not again.changes, f"seed {seed}"
            assert placed_as(again, want, world.seen()).instances == want.instances, f"seed {seed}"
            assert world.foreign() == strangers, f"seed {seed}"
            assert all(count == 1 for count in world.ours().values()), f"seed {seed}: twins"


@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_a_plan_that_was_cut_short_anywhere_is_finished_by_the_next(first: int) -> None:
    for seed in range(first, first + AT_A_TIME):
        dice = random.Random(seed)
        world, want = random_world(dice), WantedSet(generation=0)
        strangers = world.foreign()
        for _ in range(4):
            known, want = random_settings(dice, scarce=False), random_wanted(dice, want)
            plan = make_plan(want, known, world.seen(), key=KEY)
            want = placed_as(plan, want, world.seen())
            try:
                for operation in plan.changes:
                    world.carry_out(operation, killed_after=dice.choice([0, 1, 2, 3, 99, 99, 99]))
            except Killed:
                plan = make_plan(want, known, world.seen(), key=KEY)
                want = placed_as(plan, want, world.seen())
                carry_out(plan, world)

            assert not make_plan(want, known, world.seen(), key=KEY).changes, f"seed {seed}"
            assert world.foreign() == strangers, f"seed {seed}"
            assert all(count == 1 for count in world.ours().values()), f"seed {seed}: twins"


@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_where_room_is_scarce_passes_come_to_rest_and_nothing_is_filled_beyond_its_size(first: int) -> None:
    for seed in range(first, first + AT_A_TIME):
        dice = random.Random(seed)
        world, want = random_world(dice), WantedSet(generation=0)
        world.idle = dice.random() < 0.5
        known, want = random_settings(dice, scarce=True), random_wanted(dice, want)
        for _ in range(len(SERVICES) + 1):
            plan = make_plan(want, known, world.seen(), key=KEY)
            want = placed_as(plan, want, world.seen())
            carry_out(plan, world)

            for host, found in world.seen().observations.items():
                assert (found.resources.memory_available_bytes or 0) >= 0, f"seed {seed}: memory of {host}"
                for card in found.resources.cards(Hardware.NVIDIA):
                    needed = world.needed_gib(world.containers[host], card.id) * GIB
                    assert needed <= (card.vram_total_bytes or 0), f"seed {seed}: {card.id}"

        assert not make_plan(want, known, world.seen(), key=KEY).changes, f"seed {seed}"


@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_hosts_that_come_and_go_make_no_twins(first: int) -> None:
    for seed in range(first, first + AT_A_TIME):
        dice = random.Random(seed)
        world, want = random_world(dice), WantedSet(generation=0)
        for _ in range(4):
            known = random_settings(dice, scarce=False)
            want = asked_for(dice.sample(SERVICES, dice.randint(0, len(SERVICES))), want)
            world.unreachable = set(dice.sample(HOSTS, dice.randint(0, 3)))
            plan = make_plan(want, known, world.seen(), key=KEY)
            want = placed_as(plan, want, world.seen())
            carry_out(plan, world)

            assert not make_plan(want, known, world.seen(), key=KEY).changes, f"seed {seed}"
            doubled = {key for key, count in world.ours().items() if count > 1}
            assert not doubled, f"seed {seed}: twins"


@pytest.mark.parametrize("first", range(0, SEEDS, AT_A_TIME))
def test_a_host_that_goes_away_changes_nothing_on_the_others(first: int) -> None:
    for seed in range(first, first + AT_A_TIME):
        dice = random.Random(seed)
        world, known = random_world(dice), random_settings(dice, scarce=False)
        want = random_wanted(dice, WantedSet(generation=0))
        plan = make_plan(want, known, world.seen(), key=KEY)
        want = placed_as(plan, want, world.seen())
        carry_out(plan, world)

        world.unreachable = {dice.choice(HOSTS)}
        again = make_plan(want, known, world.seen(), key=KEY)

        kept = {operation.key for operation in again.operations if operation.action is Action.KEEP}
        assert {one.key for one in again.changes if one.action is not Action.CREATE} == set(), f"seed {seed}"
        assert kept == {key for host, key, _ in world.seen().ours()}, f"seed {seed}"
