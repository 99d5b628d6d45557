"""A plan only reads: the engines have nothing to tell of it, and the data folder stays as it was."""

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = pytest.mark.lab

IMAGE = "lab/busybox:1"
HOSTS = ["box1", "box2"]
HEALTHCHECK = {"test": ["CMD", "true"], "interval": "1s"}
# What engines do by themselves.
HEALTH = ("exec_create", "exec_start", "exec_die", "health_status")

CHANGES = ("create", "replace", "start", "stop", "update")

PLANS: dict[str, list[str]] = {
    "what is wanted already": [],
    "much to change": ["same@box1", "changed@box1", "moved@box2", "stopped@box1", "new"],
    "as data": ["same", "changed", "new", "--output", "json"],
    "less": ["--remove", "same"],
    "more": ["--add", "new"],
    "some hosts": ["same", "new", "--limit", "box1"],
    "a closer look": ["same", "changed", "--closely"],
    "newer images": ["same", "changed", "--pull", "always"],
}


def test_no_plan_changes_anything_anywhere(busy: User, clean_hosts: Lab) -> None:
    folder, begun = contents(busy.folder / "state"), time.time()

    with ThreadPoolExecutor() as pool:
        plans = dict(zip(PLANS, pool.map(lambda words: busy.types("plan", *words), PLANS.values()), strict=True))

    assert [name for name, ran in plans.items() if ran.code not in (0, 1)] == []
    assert [name for name, ran in plans.items() if not any(word in ran.out for word in CHANGES)] == []
    assert {host: happened(clean_hosts, host, begun) for host in HOSTS} == {host: [] for host in HOSTS}
    assert contents(busy.folder / "state") == folder
    assert busy.types("apply", "same@box1").code == 0
    assert happened(clean_hosts, "box1", begun), "what engines tell is not heard"


def test_a_plan_before_the_first_apply_makes_no_data_folder(user: User, clean_hosts: Lab) -> None:
    user.has({"llm": {"image": IMAGE}}, hosts=HOSTS)
    begun = time.time()

    ran = user.types("plan", "llm", "--detailed-exitcode")

    assert ran.code == 10, ran.err
    assert not (user.folder / "state").exists()
    assert {host: happened(clean_hosts, host, begun) for host in HOSTS} == {host: [] for host in HOSTS}


@pytest.fixture
def busy(user: User, clean_hosts: Lab) -> User:
    """Somebody whose services run, one of them stopped by hand, and whose settings have changed since."""
    names = ("same", "changed", "moved", "stopped", "dropped")
    before = {name: {"image": IMAGE, "healthcheck": HEALTHCHECK} for name in names}
    user.has(before, hosts=HOSTS)
    applied = user.types("apply", *(f"{name}@box1" for name in names))
    assert applied.code == 0, applied.out + applied.err
    clean_hosts.hosts["box1"].engine.call("POST", "/containers/ozsvc--default--stopped/kill")
    after = {**before, "changed": {**before["changed"], "environment": {"N": 1}}, "new": {"image": "lab/other:1"}}
    user.has(after, hosts=HOSTS)
    time_passes(clean_hosts)
    return user


def time_passes(lab: Lab) -> None:
    """Returns when the engine has told of the kill, which is not the plan's doing."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        found = lab.hosts["box1"].engine.call("GET", "/containers/ozsvc--default--stopped/json")
        if not found["State"]["Running"]:
            return
        time.sleep(0.05)


def happened(lab: Lab, host: str, since: float) -> list[dict[str, Any]]:
    """Everything that an engine told since then, of any kind, but for health checks."""
    text = lab.hosts[host].engine.call("GET", f"/events?since={since:.9f}&until={quote(f'{time.time():.9f}')}")
    events = [text] if isinstance(text, dict) else [json.loads(line) for line in str(text).splitlines()]
    return [event for event in events if event["Action"].partition(":")[0] not in HEALTH]


def contents(folder: Path) -> dict[str, tuple[float, bytes]]:
    """When each file was written last, and what is in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path): (path.stat().st_mtime, path.read_bytes()) for path in files}
