"""The embedded Redis of a provisioner may be killed, frozen or flushed at any moment: no service notices."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from ozwald.state.home import DataFolder
from ozwald.state.redis_server import EmbeddedRedis
from tests.end_to_end.controlled import IDLE, KEY, ask, free_port
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab

URL = f"http://127.0.0.1:{free_port()}"


@dataclass
class Running:
    """A provisioner with a service, its Redis, and what Docker says of the service."""

    user: User
    lab: Lab

    @property
    def redis(self) -> "redis.Redis":
        server = EmbeddedRedis(DataFolder(self.user.folder / "state"), "local")
        return redis.Redis(unix_socket_path=str(server.socket), decode_responses=True)

    @property
    def redis_pid(self) -> int:
        """0 while the server is writing it."""
        return int((self.user.folder / "state" / "redis" / "local" / "redis.pid").read_text() or 0)

    def starts(self) -> None:
        started = self.user.types("start_provisioner", "--listen", URL.removeprefix("http://"))
        assert started.code == 0, started.err

    def is_healthy(self) -> bool:
        try:
            return ask(URL, "/health")[0] == 200
        except OSError:
            return False

    def service(self) -> str:
        """The container and when it was started."""
        found = self.lab.hosts["box1"].engine.call("GET", "/containers/ozsvc--default--a/json")
        return f"{found['Id']} {found['State']['StartedAt']}"


@pytest.fixture
def running(user: User, clean_hosts: Lab) -> Iterator[Running]:
    user.more["OZWALD_SYSTEM_KEY"] = KEY
    user.has({"idle": IDLE}, hosts=["box1"])
    made = Running(user, clean_hosts)
    made.starts()
    updated = user.types("update_services", "--wait", "--timeout", "30", "a[idle][one]")
    assert updated.code == 0, updated.err
    yield made
    user.types("stop_provisioner")


def test_a_killed_redis_comes_back_with_what_matters(running: Running) -> None:
    before, pid = running.service(), running.redis_pid
    os.kill(pid, signal.SIGKILL)

    assert eventually(lambda: running.redis_pid not in (0, pid) and running.is_healthy())
    assert running.service() == before
    assert eventually(lambda: running.redis.hget("ozwald:local:wanted", "number") == "1")


def test_a_flushed_redis_is_filled_again(running: Running) -> None:
    before = running.service()
    running.redis.flushall()

    assert eventually(lambda: running.redis.hget("ozwald:local:wanted", "number") == "1")
    assert eventually(lambda: running.redis.hkeys("ozwald:local:facts") == ["box1"])
    assert eventually(lambda: running.redis.xlen("ozwald:local:events") > 0)
    assert running.is_healthy()
    assert running.service() == before


def test_a_frozen_redis_holds_no_request_up(running: Running) -> None:
    before = running.service()
    os.kill(running.redis_pid, signal.SIGSTOP)
    try:
        assert eventually(lambda: not running.is_healthy())
        detail = ask(URL, "/health")[1]["detail"]
        updated = running.user.types("update_services", "a[idle][one]", "b[idle][two]")
        assert updated.code == 0, updated.err
        assert "Redis" in detail
    finally:
        os.kill(running.redis_pid, signal.SIGCONT)

    assert eventually(running.is_healthy)
    assert eventually(lambda: running.redis.hget("ozwald:local:wanted", "number") == "2")
    assert running.service() == before


def test_a_killed_controller_leaves_no_redis_and_starts_again(running: Running) -> None:
    before, server = running.service(), running.redis_pid
    lock = running.user.folder / "state" / "run" / "local.lock"
    os.kill(int(lock.read_text()), signal.SIGKILL)

    assert eventually(lambda: not Path(f"/proc/{server}/cmdline").exists() or _is_zombie(server))
    running.starts()
    assert running.is_healthy()
    assert running.service() == before


def _is_zombie(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes() == b""
    except OSError:
        return True
