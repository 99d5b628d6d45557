"""What judges hostile files sees what it is there to see."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ozwald.errors import Problem, SettingsError
from tests.config.hostile import exercise as judge
from tests.config.hostile.exercise import SECRET, Wrong, exercise
from tests.config.hostile.meter import FLEET, ORDINARY, limits_for, measured
from tests.config.hostile.tally import Tally

ROOT = Path(__file__).parent.parent.parent


def refuse_with(monkeypatch: pytest.MonkeyPatch, *, file: str = "f", line: int = 1, message: str) -> None:
    """Have every load end with this problem."""

    def load(*_: object, **__: object) -> None:
        raise SettingsError([Problem(file=file, line=line, column=line, message=message)])

    monkeypatch.setattr(judge, "load", load)


@pytest.mark.parametrize(
    ("problem", "told"),
    [
        ({"message": f"must not be {SECRET}"}, "a secret"),
        ({"message": "a\x1b[31m"}, "a control character"),
        ({"message": "a\ud800"}, "a control character"),
        ({"message": "is wrong", "line": 0}, "no place"),
        ({"message": "is wrong", "file": ""}, "no place"),
        ({"message": "x" * 5000}, "a message of"),
    ],
)
def test_a_message_that_must_not_be_is_seen(
    problem: dict[str, str | int], told: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refuse_with(monkeypatch, **problem)  # type: ignore[arg-type]
    with pytest.raises(Wrong, match=told):
        exercise(tmp_path)


def test_a_message_with_its_place_is_a_refusal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuse_with(monkeypatch, message="is wrong")
    assert exercise(tmp_path) is False


def test_time_and_memory_are_measured() -> None:
    def work() -> None:
        block = bytearray(80 * 1024**2)
        until = time.process_time() + 0.1
        while time.process_time() < until:
            block[0] += 0

    cost = measured(work)
    assert cost.cpu_s >= 0.1
    assert cost.memory_bytes > 70 * 1024**2
    assert measured(lambda: None).memory_bytes < 10 * 1024**2


def test_what_costs_too_much_or_runs_or_breaks_is_a_failure(tmp_path: Path) -> None:
    tally = Tally()
    tally.take("large", lambda: bool(bytearray(80 * 1024**2)), folder=tmp_path)
    tally.take("broken", lambda: bool(1 / 0), folder=tmp_path)
    (tmp_path / "ran").touch()
    tally.take("running", lambda: True, folder=tmp_path)
    assert [failure.partition(":")[0] for failure in tally.failures] == ["large", "broken", "running"]
    assert "ZeroDivisionError" in tally.failures[1]
    assert Tally.from_json(tally.to_json()) == tally


def test_a_file_may_take_longer_only_where_it_is_as_large_as_a_fleet() -> None:
    assert limits_for(b"a: b\n" * 5_000) is ORDINARY
    assert limits_for(b"a: b\n" * 50_000) is FLEET
    assert limits_for(b"a: b\n" * 500_000) is ORDINARY


def test_one_case_can_be_run_again() -> None:
    command = [sys.executable, "-m", "tests.config.hostile", "mutations", "7", "8"]
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ, check=True)
    assert Tally.from_json(again.stdout).cpu_s.case.startswith("mutation 7 of")
