"""Thousands of stories of an apply's bad days: nothing is lost, doubled or left over, and strangers stay as they were.

`./dev soak` runs 20,000 of them. A story that goes wrong is printed with the command that replays it call by call.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ozwald.execution import launch, needs
from ozwald.execution.instance import Instance
from tests.simulator import controller
from tests.simulator.many import try_seeds
from tests.simulator.shrink import shrink, wrong
from tests.simulator.story import tell

ROOT = Path(__file__).parents[2]
SOAK = bool(os.environ.get("OZWALD_SOAK"))
SEEDS = 20_000 if SOAK else 600
SEEDS_FOR_A_MISTAKE = 400


@pytest.mark.timeout(1800)
def test_whatever_happens_the_next_apply_sets_right(record: list[str]) -> None:
    outcome = try_seeds(0, SEEDS)

    record.append(f"simulator: {outcome}")
    assert not outcome.bad, "\n".join(map(str, outcome.bad))


def test_a_seed_tells_the_same_story_in_every_process() -> None:
    runs = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.simulator", "8"],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
        )
        for hash_seed in ("1", "2")
    ]

    first, second = (run.communicate(timeout=60)[0] for run in runs)

    assert first == second
    assert first.count(b"\n") > 50


def nothing(*_: object, **__: object) -> None:
    return None


MISTAKES = {
    "the old one is not stopped before the new one starts": (Instance, "stop", nothing),
    "nobody waits until the new one is available": (Instance, "wait", nothing),
    "nothing leads back from a failure": (launch, "_go_back", nothing),
    "what is wanted is not written down": (controller, "make_durable", nothing),
    "networks are not looked after": (needs, "need_networks", nothing),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_does_not_escape_it(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    place, name, replacement = MISTAKES[mistake]
    monkeypatch.setattr(place, name, replacement)

    assert any(wrong(tell(seed)) for seed in range(SEEDS_FOR_A_MISTAKE))


def test_a_story_is_shrunk_to_what_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Instance, "stop", nothing)
    story = next(story for story in map(tell, range(SEEDS_FOR_A_MISTAKE)) if wrong(story))

    without = shrink(story)

    least = story.without(without)
    assert wrong(least)
    assert not any(wrong(least.without([number])) for number in least.numbers)
