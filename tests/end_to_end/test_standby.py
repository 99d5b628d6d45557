"""Two controllers of one provisioner on one Redis: one is active, and nothing ever runs twice."""

import json
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from ozwald.state.lease import FREE
from tests.end_to_end.controlled import IDLE, KEY, ask, free_port, left
from tests.end_to_end.user import User
from tests.lab import Lab, Proxy
from tests.real_redis import RealRedis
from tests.waiting import eventually

pytestmark = pytest.mark.lab

TAKE_OVER_S = 20.0


@dataclass
class Controller:
    """A provisioner in a folder of its own."""

    user: User
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def starts(self) -> str:
        started = self.user.types("start_provisioner", "--listen", f"127.0.0.1:{self.port}")
        assert started.code == 0, started.err
        return started.out

    def health(self) -> str:
        """Its status, or nothing when it does not answer."""
        try:
            return str(ask(self.url, "/health")[1]["status"])
        except OSError:
            return ""

    def gets(self, signal_number: int) -> None:
        """Its process receives a signal, if it is there."""
        with suppress(FileNotFoundError, ProcessLookupError):
            document = json.loads((self.user.folder / "state" / "run" / "main.json").read_text())
            os.kill(document["pid"], signal_number)

    def requests(self) -> list[str]:
        """What was accepted, by whichever controller, as its history has it."""
        events = ask(self.url, "/srv/events/?limit=1000")[1]
        return [f"{one['id']} {one['text']}" for one in events if one["kind"] == "request-accepted"]

    def runs(self) -> list[dict[str, Any]]:
        """Those of the queue of footprints, as it answers for them."""
        return [run for one in ask(self.url, "/srv/services/footprint")[1] for run in one["runs"]]

    def updates(self, *instances: str) -> Any:
        return self.user.types("update_services", *instances)


@dataclass
class Stage:
    """Two controllers, their Redis, the hosts, and the first one's line to Redis."""

    first: Controller
    second: Controller
    redis: RealRedis
    lab: Lab
    line: Proxy

    def containers(self) -> dict[str, list[str]]:
        """Ids of what is there of each instance, on whichever host."""
        found: dict[str, list[str]] = {}
        for name in ("box1", "box2"):
            for one in self.lab.hosts[name].engine.call("GET", "/containers/json?all=1"):
                found.setdefault(one["Names"][0].split("--")[-1], []).append(one["Id"])
        return found

    def is_running(self, *names: str) -> bool:
        found = self.containers()
        return sorted(found) == sorted(names) and all(len(ids) == 1 for ids in found.values())


@pytest.fixture
def stage(tmp_path: Path, clean_hosts: Lab) -> Iterator[Stage]:
    redis = RealRedis(tmp_path)
    redis.start()
    redis.client.set("ozwald:main:lease", FREE)  # no first one need wait to see whether another is there
    with Proxy(("127.0.0.1", redis.port)) as line:
        first = controller(tmp_path / "first", free_port(), line.port, clean_hosts)
        second = controller(tmp_path / "second", free_port(), redis.port, clean_hosts)
        yield Stage(first, second, redis, clean_hosts, line)
        for one in (first, second):
            one.gets(signal.SIGCONT)
            one.user.types("stop_provisioner")
    redis.kill()


def controller(folder: Path, port: int, redis_port: int, lab: Lab) -> Controller:
    user = User(folder, lab)
    user.more |= {"OZWALD_SYSTEM_KEY": KEY, "OZWALD_FOOTPRINT_DATA": str(folder.parent / "footprints.yml")}
    user.has({"idle": IDLE}, hosts=["box1", "box2"])
    cache = {"type": "redis", "parameters": {"host": "127.0.0.1", "port": redis_port}}
    provisioners = [{"name": "main", "host": "box1", "cache": cache}]
    (folder / "inventory" / "provisioners.yml").write_text(json.dumps({"provisioners": provisioners}))
    return Controller(user, port)


def test_a_stand_by_takes_over_what_a_killed_controller_ran(stage: Stage) -> None:
    stage.first.starts()
    assert "stands by" in stage.second.starts()
    assert stage.first.health() == "healthy"
    assert stage.second.health() == "standby"
    refused = stage.second.updates("x[idle][one]")
    assert refused.code != 0
    assert stage.first.url in refused.err

    updated = stage.first.updates("a[idle][one]@box1", "b[idle][two]", "c[idle][one]@box2")
    assert updated.code == 0, updated.err
    assert eventually(lambda: stage.is_running("a", "b", "c"))
    before = stage.containers()
    stage.first.gets(signal.SIGKILL)

    assert eventually(lambda: stage.second.health() == "healthy", TAKE_OVER_S)
    updated = stage.second.updates("a[idle][one]@box1", "b[idle][two]", "c[idle][one]@box2", "d[idle][one]")
    assert updated.code == 0, updated.err
    assert eventually(lambda: stage.is_running("a", "b", "c", "d"))
    assert {name: ids for name, ids in stage.containers().items() if name != "d"} == before

    assert "stands by" in stage.first.starts()
    assert eventually(lambda: stage.second.requests() == stage.first.requests())
    assert [text for text in stage.first.requests() if "added d" in text]


def test_a_controller_that_was_stopped_notices_before_it_changes_anything(stage: Stage) -> None:
    stage.first.starts()
    stage.second.starts()
    assert stage.first.updates("a[idle][one]@box1", "b[idle][two]@box2").code == 0
    assert eventually(lambda: stage.is_running("a", "b"))

    stage.first.gets(signal.SIGSTOP)
    assert eventually(lambda: stage.second.health() == "healthy", TAKE_OVER_S)
    assert stage.second.updates("b[idle][two]@box2", "c[idle][one]@box2").code == 0
    assert eventually(lambda: stage.is_running("b", "c"))
    left = stage.containers()
    woken_at = time.time()
    stage.first.gets(signal.SIGCONT)

    assert eventually(lambda: stage.first.health() == "standby")
    time.sleep(6)  # longer than a pass takes to come
    assert stage.containers() == left
    for name in ("box1", "box2"):
        query = f"/events?since={woken_at:.3f}&until={time.time():.3f}"
        assert '"create"' not in str(stage.lab.hosts[name].engine.request("GET", query)[1])


def test_without_redis_the_active_one_goes_on_and_no_other_takes_over(stage: Stage) -> None:
    stage.first.starts()
    stage.second.starts()
    assert stage.first.updates("a[idle][one]@box1").code == 0
    assert eventually(lambda: stage.is_running("a"))
    stage.redis.kill()

    assert eventually(lambda: stage.first.health() == stage.second.health() == "unhealthy")
    box = stage.lab.hosts["box1"].engine
    box.call("DELETE", "/containers/ozsvc--default--a?force=1")
    assert eventually(lambda: stage.is_running("a"))
    assert stage.first.updates("a[idle][one]@box1", "b[idle][one]@box2").code == 0
    assert eventually(lambda: stage.is_running("a", "b"))
    stage.redis.start()

    assert eventually(lambda: stage.first.health() == "healthy" and stage.second.health() == "standby")
    assert stage.is_running("a", "b")


def test_one_that_is_cut_off_from_redis_gives_way_when_it_sees_the_other_at_work(stage: Stage) -> None:
    stage.first.starts()
    stage.second.starts()
    assert stage.first.updates("a[idle][one]@box1").code == 0
    assert eventually(lambda: stage.is_running("a"))
    stage.line.cut()

    assert eventually(lambda: stage.second.health() == "healthy", TAKE_OVER_S)
    assert stage.second.updates("b[idle][one]@box2").code == 0
    assert eventually(lambda: stage.is_running("b"))
    stage.line.mend()
    assert eventually(lambda: stage.first.health() == "standby")
    assert eventually(lambda: stage.is_running("b"))
    left = stage.containers()
    time.sleep(6)
    assert stage.containers() == left


def test_a_stand_by_takes_over_what_a_killed_controller_was_measuring(stage: Stage, tmp_path: Path) -> None:
    stage.first.starts()
    stage.second.starts()
    asked = stage.first.user.types("footprint_services", "idle[one]", "idle[two]", "--host", "box1", "--run-time", "2")
    assert asked.code == 0, asked.err
    assert eventually(lambda: left(stage.lab) != [], 30)
    assert eventually(lambda: sorted(run["status"] for run in stage.second.runs()) == ["queued", "running"])
    stage.first.gets(signal.SIGKILL)

    assert eventually(lambda: stage.second.health() == "healthy", TAKE_OVER_S)
    assert eventually(lambda: [run["status"] for run in stage.second.runs()] == ["measured", "measured"], 60)
    assert [run["attempts"] for run in stage.second.runs()] == [2, 1]
    book = yaml.safe_load((tmp_path / "footprints.yml").read_text())
    assert sorted(one["profile"] for one in book) == ["one", "two"]
    assert eventually(lambda: left(stage.lab) == [])

    assert "stands by" in stage.first.starts()
    assert eventually(lambda: stage.first.runs() == stage.second.runs())
    refused = stage.first.user.types("footprint_services", "idle[one]")
    assert (refused.code, stage.second.url in refused.err) == (5, True), refused.err
