"""A controller is killed in every phase of a run; the next one leaves nothing on the host and goes on with the queue.

OZWALD_SOAK has that done 50 times over.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ozwald.config.footprint_book import read_book
from tests.end_to_end.controlled import Controlled, left
from tests.end_to_end.test_footprints import IMAGE
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab

ROUNDS = 50 if os.environ.get("OZWALD_SOAK") else 1
PHASES = ("baseline", "pull", "start", "load", "ready", "under-load", "stop")
# It needs a network and a volume of its own, a while to become healthy, and another to be loaded and to end.
SERVICE = {
    "image": IMAGE,
    "command": ["sh", "-c", "trap 'sleep 1; exit' TERM; sleep 3600 & wait"],
    "volumes": ["models:/models"],
    "healthcheck": {
        "test": ["CMD-SHELL", "test -e /seen || { touch /seen; sleep 1; exit 1; }"],
        "interval": "500ms",
        "start_period": "60s",
    },
    "footprint": {"run-time": "1s", "run-script": "echo $$$$ > script; trap '' TERM; sleep 2"},
}


@pytest.fixture
def world(user: User, clean_hosts: Lab) -> Iterator[Controlled]:
    """A controller that is to measure on box1."""
    user.more["OZWALD_FOOTPRINT_DATA"] = "footprints.yml"
    user.has({"web": SERVICE}, hosts=["box1"])
    made = Controlled(user, clean_hosts, ["box1"])
    made.starts()
    yield made
    made.stops()


@pytest.mark.parametrize("phase", PHASES * ROUNDS)
def test_a_controller_that_is_killed_in_any_phase_leaves_nothing(
    world: Controlled, user: User, clean_hosts: Lab, phase: str
) -> None:
    request_id = world.ask("POST", "/srv/services/footprint", {"services": [{"service_name": "web"}]})[1]["request_id"]
    assert eventually(lambda: _run(world)["phase"] == phase, 30), _run(world)

    world.is_killed()

    assert eventually(lambda: not _is_alive(user.folder / "script"), 10)
    world.starts()
    assert eventually(lambda: _run(world)["attempts"] == 2, 30), _run(world)
    assert world.ask("DELETE", f"/srv/services/footprint/{request_id}")[0] == 200
    assert eventually(lambda: _run(world)["status"] == "cancelled", 30), _run(world)
    assert eventually(lambda: left(clean_hosts) == [], 10), left(clean_hosts)
    assert read_book(user.folder / "footprints.yml") == ()


def _run(world: Controlled) -> dict[str, object]:
    """The one run, as the API tells it; `phase` is not there before it has begun."""
    [request] = world.ask("GET", "/srv/services/footprint")[1] or [{"runs": [{}]}]
    return {"phase": None, "attempts": 0, "status": "", **request["runs"][0]}


def _is_alive(number: Path) -> bool:
    """Whether the process whose number is in that file is still there."""
    return number.exists() and Path(f"/proc/{number.read_text().strip()}/cmdline").exists()
