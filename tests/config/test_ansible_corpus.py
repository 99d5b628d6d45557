"""Ansible's inventories mean what `ansible-inventory --list` says they mean."""

from pathlib import Path
from typing import Any

import pytest

from tests.config.ansible_core import CASES, ask, meaning, meaning_of, read, sources


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    cases = [{"sources": sources(case), "patterns": ["all"]} for case in CASES]
    answers = ask(cases, tmp_path_factory.mktemp("answers"))
    return {case: meaning(answer) for case, answer in zip(CASES, answers, strict=True)}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("what", ["variables", "groups", "children"])
def test_an_inventory_means_what_ansible_says(
    what: str, case: str, expected: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    assert meaning_of(read(sources(case), tmp_path))[what] == expected[case][what]
