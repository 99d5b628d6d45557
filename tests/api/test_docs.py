"""docs/api.md: its examples work as written, and it says of every route what the table says."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ozwald.api.app import ALL_ROUTES
from ozwald.api.openapi import REFUSALS
from ozwald.api.routes import Route
from ozwald.client import Client
from ozwald.model.log import LogMessage, LogSource
from ozwald.state.launch_logs import LaunchLogs
from ozwald.state.service_logs import ServiceLogs
from tests.api.calling import CHAT, KEY
from tests.api.serving import Served, served

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as found:
        LaunchLogs(found.api.home).append(CHAT.key, "box1: started", at=0.0)
        ServiceLogs(found.api.home).append(
            CHAT.key, [LogMessage(1, "stdout", b"hello\n", LogSource(container_id="c", host="box1"))]
        )
        yield found


def examples(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def run(site: Served, words: list[str], text: str) -> str:
    """What an example prints; one that fails fails the test."""
    done = subprocess.run(
        [*words, text.replace("127.0.0.1:8000", f"127.0.0.1:{site.port}")],
        env=os.environ | {"OZWALD_SYSTEM_KEY": KEY, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, f"{text}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_commands_print_what_they_are_said_to_print(site: Served) -> None:
    lines = "\n".join(examples("console")).replace("\\\n", "").splitlines()
    assert sum(line.startswith("$ curl") for line in lines) >= 4
    printed = ""
    for line in lines:
        if line.startswith("$ "):
            printed = run(site, ["bash", "-c"], line[2:])
        elif line:
            assert printed == line


def test_the_program_works_as_written(site: Served) -> None:
    site.api.board.publish(replace(site.api.view, number=2))
    [program] = examples("python")

    printed = run(site, [sys.executable, "-c"], program)

    assert printed.splitlines()[0].startswith("chat available box1")
    assert printed.splitlines()[1].startswith("409 the wanted set is at generation 1, not 0")


@pytest.mark.parametrize("route", ALL_ROUTES, ids=lambda route: route.name)
def test_every_route_is_described_with_all_that_it_takes_and_answers(route: Route) -> None:
    _, found, section = TEXT.partition(f"### `{route.method} {route.path}`\n")
    assert found, f"{route.path} has no section"
    section = section.partition("\n#")[0]

    words = [*route.aliases, *(one.name for one in (*route.query, *route.headers)), *map(str, route.answers)]
    assert [word for word in words if word not in section] == []
    assert re.search(rf"`{route.name}\(", TEXT.partition("## From Python")[2])
    assert callable(getattr(Client, route.name))


def test_every_refusal_is_described() -> None:
    table = TEXT.partition("## Errors")[2].partition("## Routes")[0]

    assert [status for status in REFUSALS if str(status) not in table] == []
