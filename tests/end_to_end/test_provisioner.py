"""The provisioner in the background, with a real Redis, a real API and real hosts."""

from collections.abc import Iterator

import pytest

from tests.end_to_end.controlled import IDLE, KEY, ask, free_port
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab


@pytest.fixture
def at_home(user: User, monkeypatch: pytest.MonkeyPatch) -> Iterator[User]:
    """A user whose provisioner is stopped at the end, whatever happens."""
    user.more["OZWALD_SYSTEM_KEY"] = KEY
    yield user
    user.types("stop_provisioner")


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
