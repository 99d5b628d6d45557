"""Plans as people and programs read them, and the page that documents them."""

import re
from pathlib import Path

import pytest

from ozwald.cli.plan_text import print_plan, result_document
from ozwald.execution.steps import Result
from ozwald.model.plan import Action, Change, Operation, Plan
from tests.builders import key

PAGE = (Path(__file__).parents[2] / "docs" / "plan.md").read_text(encoding="utf-8")
CHANGES = (
    Change(path="command", old=["a"], new=["a", "\x1b[2J"]),
    Change(path="environment.API_KEY", old="hunter1", new="hunter2"),
    Change(path="environment.LONG", new="x" * 1000),
)
REPLACE = Operation(action=Action.REPLACE, key=key("llm"), host="box1", reason="command changed", changes=CHANGES)


def test_the_page_names_every_key_of_an_operation() -> None:
    section = PAGE.partition("An operation:")[2].partition("A `path`")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert named == set(result_document(Result(operation=REPLACE), carried_out=True))


def test_the_page_names_every_action() -> None:
    section = PAGE.partition("## What is compared")[2].partition("Every container")[0]

    assert {action.value for action in Action} == set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE))


def test_a_change_is_one_harmless_line_without_secrets(capsys: pytest.CaptureFixture[str]) -> None:
    print_plan(Plan(operations=(REPLACE,)))

    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[1] == 'command: ["a"] -> ["a", "\\u001b[2J"]'
    assert lines[2] == "environment.API_KEY: ******** -> ********"
    assert lines[3] == f"environment.LONG: (none) -> {'x' * 100}…"


def test_data_hides_secrets_and_keeps_values_whole() -> None:
    changes = result_document(Result(operation=REPLACE), carried_out=False)["changes"]

    assert changes[1] == {"path": "environment.API_KEY", "old": "********", "new": "********"}
    assert changes[2] == {"path": "environment.LONG", "old": None, "new": "x" * 1000}
