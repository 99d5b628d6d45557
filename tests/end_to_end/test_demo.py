"""The demo does the main job, and the README shows what it does."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.plugin import sweep_crashed

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What `./dev demo` prints; its hosts are taken down after the tests."""
    sweep_crashed()
    directory = tmp_path_factory.mktemp("demo")
    demo = [sys.executable, "-m", "demo"]
    try:
        ran = subprocess.run(
            [*demo, "up", "--directory", directory],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout
        yield ran.stdout
    finally:
        subprocess.run([*demo, "down", "--directory", directory], cwd=ROOT, check=True)


def test_a_model_on_a_remote_host_answers(told: str) -> None:
    answers = re.findall(r'^\{"role": "assistant", "content": "(.+)"\}$', told, re.MULTILINE)

    assert len(answers) == 2
    assert all(len(answer.split()) > 3 for answer in answers)


def test_the_second_apply_changes_nothing_and_a_profile_replaces_one_container(told: str) -> None:
    outcomes = re.findall(r"^done: (.+)$", told, re.MULTILINE)

    assert outcomes == ["3 created", "3 unchanged", "1 replaced, 2 unchanged"]


def test_every_command_of_the_readmes_transcript_is_one_the_demo_runs(told: str) -> None:
    transcript = README.partition("## On your machines")[0]
    shown = re.findall(r"^\$ (.+)$", transcript, re.MULTILINE)

    assert len(shown) >= 5
    assert [line for line in shown if _without_address(line) not in _without_address(told)] == []


def _without_address(text: str) -> str:
    return re.sub(r"\b10\.\d+\.\d+\.\d+", "ADDRESS", text)
