"""The provisioner in the background, with a real Redis, a real API and real hosts."""

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab

pytestmark = pytest.mark.lab

KEY = "a-key-for-the-tests-that-is-long-enough"
IDLE = {"image": "lab/quick:1", "pull_policy": "never", "profiles": {"one": {"environment": {"N": 1}}, "two": None}}


@pytest.fixture
def at_home(user: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    """A user whose provisioner is stopped at the end, whatever happens."""
    user.more["OZWALD_SYSTEM_KEY"] = KEY
    yield user
    user.types("stop_provisioner")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, path: str, *, key: str = KEY) -> tuple[int, Any]:
    request = urllib.request.Request(url + path, headers={"Authorization": f"Bearer {key}"})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def eventually(holds: Callable[[], bool], within_s: float = 15.0) -> bool:
    over = time.monotonic() + within_s
    while not holds() and time.monotonic() < over:
        time.sleep(0.1)
    return holds()


def test_what_is_asked_for_runs_and_comes_back(at_home: User, clean_hosts: Lab) -> None:
    user, box = at_home, clean_hosts.hosts["box1"].engine
    user.has({"idle": IDLE}, hosts=["box1", "box2"])

    url = f"http://127.0.0.1:{free_port()}"
    started = user.types("start_provisioner", "--listen", url.removeprefix("http://"))
    assert started.code == 0, started.err
    assert f"listens on {url}" in started.out
    updated = user.types("update_services", "--wait", "--timeout", "30", "a[idle][one]@box1", "b[idle][two]@box2")
    assert updated.code == 0, updated.err

    status, services = ask(url, "/srv/services/active/")
    assert status == 200
    assert {(one["name"], one["status"]) for one in services} == {("a", "available"), ("b", "available")}
    assert ask(url, "/srv/services/active/", key="wrong")[0] == 401
    assert user.types("status").code == 0
    box.call("DELETE", "/containers/ozsvc--default--a?force=1")
    assert eventually(lambda: box.request("GET", "/containers/ozsvc--default--a/json")[0] == 200)
    assert eventually(lambda: user.types("status").code == 0)

    stopped = user.types("stop_provisioner")
    assert stopped.code == 0, stopped.err
    assert box.call("GET", "/containers/ozsvc--default--a/json")["State"]["Running"]
