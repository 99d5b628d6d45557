"""An apply that is killed at any moment loses nothing and duplicates nothing; the next one finishes it."""

import os
import random
from typing import Any

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = [pytest.mark.lab, pytest.mark.timeout(36000)]

IMAGE = "lab/busybox:1"
HOSTS = ("box1", "box2")
ROUNDS = max(5, int(os.environ.get("OZWALD_SOAK", "0")) // 50)
SERVICES: dict[str, Any] = {
    "plain": {"image": IMAGE, "profiles": {"one": {"environment": {"N": 1}}, "two": {"environment": {"N": 2}}}},
    "wired": {
        "image": IMAGE,
        "ports": ["9090:80"],
        "networks": ["default", "extra"],
        "profiles": {"one": {"environment": {"N": 1}}, "two": {"environment": {"N": 2}}},
    },
}


@pytest.mark.parametrize("seed", [1, 2])
def test_a_killed_apply_is_finished_by_the_next(user: User, clean_hosts: Lab, seed: int) -> None:
    dice = random.Random(seed)
    user.has(SERVICES, hosts=list(HOSTS), networks={"extra": None})
    foreign = {host: clean_hosts.hosts[host].engine.run(IMAGE, name="ozsvc--default--theirs") for host in HOSTS}
    before = inspected(clean_hosts, foreign)
    for number in range(ROUNDS):
        wanted = chosen(dice)
        user.is_killed_after(dice.uniform(0.3, 5.0), "apply", *wanted)

        ran = user.types("apply", *wanted)

        assert ran.code == 0, f"round {number}: {ran.out}{ran.err}"
        assert running(clean_hosts, foreign) == sorted(expected(wanted)), f"round {number}"
    assert inspected(clean_hosts, foreign) == before


def chosen(dice: random.Random) -> list[str]:
    """One to three instances with a profile and a host each."""
    names = [("a", "plain"), ("b", "wired"), ("c", "plain")]
    picked = dice.sample(names, dice.randint(1, 3))
    return [f"{name}[{service}][{dice.choice(['one', 'two'])}]@{dice.choice(HOSTS)}" for name, service in picked]


def expected(wanted: list[str]) -> list[tuple[str, str, str, str]]:
    """Host, name, profile and state of every container there should be."""
    specs = [(spec.partition("[")[0], spec.split("[")[2].partition("]")[0], spec.rpartition("@")[2]) for spec in wanted]
    return [(host, f"/ozsvc--default--{name}", profile, "running") for name, profile, host in specs]


def running(lab: Lab, foreign: dict[str, str]) -> list[tuple[str, str, str, str]]:
    """The same for every container that there is, but the foreign ones."""
    return sorted(
        (host, container["Names"][0], container["Labels"].get("ozwald.profile", ""), container["State"])
        for host in HOSTS
        for container in lab.hosts[host].engine.call("GET", "/containers/json?all=1")
        if container["Id"] != foreign[host]
    )


def inspected(lab: Lab, foreign: dict[str, str]) -> list[Any]:
    return [lab.hosts[host].engine.call("GET", f"/containers/{name}/json") for host, name in foreign.items()]
