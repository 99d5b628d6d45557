"""Inventories made at random mean what Ansible says they mean."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ozwald.model.host import Inventory
from tests.config.ansible_core import ask, meaning, meaning_of, read
from tests.config.random_inventories import write_inventory
from tests.planning.test_patterns_corpus import difference

SEEDS = range(60)
PATTERNS = ("all", "*", "ungrouped", "a*", "web:!h1", "gpu,site", "~.*[13]$", "all:&x.y")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("random")
    for seed in SEEDS:
        write_inventory(random.Random(seed), folder / f"inventory{seed}")
    return folder


@pytest.fixture(scope="module")
def answers(folder: Path) -> list[dict[str, Any]]:
    return ask([{"sources": [str(folder / f"inventory{seed}")], "patterns": PATTERNS} for seed in SEEDS], folder)


def differences(inventory: Inventory, answer: dict[str, Any]) -> Iterator[object]:
    expected = meaning(answer)
    yield from (text for pattern in PATTERNS if (text := difference(inventory, pattern, answer["hosts"][pattern])))
    for what, ours in meaning_of(inventory).items():
        yield from ((what, key) for key in ours | expected[what] if ours.get(key) != expected[what].get(key))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_inventory_means_what_ansible_says(
    seed: int, folder: Path, answers: list[dict[str, Any]], tmp_path: Path
) -> None:
    inventory = read([str(folder / f"inventory{seed}")], tmp_path)
    assert list(differences(inventory, answers[seed])) == []
