"""Every fault in the middle of every operation: the right kind of failure, in time, and nothing left behind."""

import io
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ozwald.errors import ConnectionFailed, EngineError, Failure
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from ozwald.remote.probe import probe
from ozwald.remote.sampler import open_sampler
from tests.lab import Lab
from tests.lab.host import Host as Box
from tests.lab.standard import IMAGE
from tests.remote.faults import NOTICED_S, SPENT, Attempts, cut, failing, freeze, kill, nothing_left, restore
from tests.remote.reach import host_of, options_of

pytestmark = [pytest.mark.lab, pytest.mark.usefixtures("impatient")]


def operations(connection: HostConnection, engine: Engine, container: str) -> dict[str, Callable[[], object]]:
    """One of each kind; with the engine frozen, all of them are under way until something happens."""
    running = engine.begin_exec(container, ["sleep", "60"])
    return {
        "run": lambda: connection.run(SPENT.split(), timeout_s=2),
        "list": engine.list_containers,
        "pull": lambda: engine.pull("nowhere.invalid/image:1"),
        "create": lambda: engine.create("ozsvc--r--new", {"Image": IMAGE}),
        "start": lambda: engine.start(container),
        "logs": lambda: engine.logs(container),
        "exec": lambda: engine.begin_exec(container, ["true"]),
        "exec output": running.read,
        "sample": lambda: sample_on(connection),
        "probe": lambda: probe(connection, tool_s=1),
    }


def sample_on(connection: HostConnection) -> None:
    with open_sampler(connection) as sampler:
        while True:
            sampler.read()


CHANGING = {"run", "create", "start", "exec", "exec output"}


@pytest.fixture(params=["box", "cli"])
def box(request: pytest.FixtureRequest, faulty: Lab) -> Iterator[Box]:
    yield faulty.hosts[request.param]
    restore(faulty.hosts[request.param])


@pytest.mark.parametrize(("fault", "notice_s"), [(cut, NOTICED_S), (freeze, NOTICED_S), (kill, 0.0)])
def test_a_fault_of_the_link_ends_everything_that_is_under_way(
    faulty: Lab, box: Box, fault: Callable[[Box], None], notice_s: float
) -> None:
    with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, box.name))
        engine = connection.engine()
        container = engine.create("ozsvc--r--old", {"Image": IMAGE})
        engine.start(container)
        under_way = operations(connection, engine, container)
        box.freeze_dockerd()
        attempts = Attempts(under_way)
        time.sleep(0.4)
        assert attempts.outcomes == {}
        fault(box)
        attempts.hit()
        outcomes = attempts.ended(within_s=notice_s)

        slow = {name: round(one.seconds, 1) for name, one in outcomes.items() if one.seconds > notice_s + 1}
        assert slow == {}
        assert not connection.is_open()
        kinds = {name: one.failure for name, one in outcomes.items() if name != "probe"}
        assert kinds == {
            name: Failure.UNKNOWN if name in CHANGING else Failure.RETRYABLE for name in under_way if name != "probe"
        }
        wrong = {name: one.error for name, one in outcomes.items() if not isinstance(one.error, ConnectionFailed)}
        assert wrong == {}


@pytest.fixture
def full(faulty: Lab, lab_image: Path) -> Iterator[Box]:
    """The box with its engine's data on a disk that a test can fill."""
    box = faulty.hosts["box"]
    box.stop_dockerd()
    box.shell("mount -t tmpfs -o size=48m small /run/lab/docker", check=True)
    box.start_dockerd()
    box.load_image(lab_image)
    yield box
    box.engine.clean()
    box.kill_dockerd()
    box.shell("rm -f /run/lab/docker/filler; umount -l /run/lab/docker", check=True)
    box.start_dockerd()


def test_a_full_disk_is_an_error_of_the_engine_and_ends_nothing_else(faulty: Lab, full: Box) -> None:
    with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "box"))
        engine = connection.engine()
        container = engine.create("ozsvc--r--old", {"Image": IMAGE})
        engine.start(container)
        full.shell("dd if=/dev/zero of=/run/lab/docker/filler bs=4k 2>/dev/null; true", check=True)
        errors = {
            "create": failing(lambda: engine.create("ozsvc--r--new", {"Image": IMAGE}), within_s=9),
            "copy": failing(lambda: engine.put_archive(container, "/tmp", [archive(1 << 20)]), within_s=9),
        }
        assert len(engine.list_containers()) == 1
        assert engine.logs(container) == b""
        assert probe(connection, tool_s=1).memory_available_bytes

    wrong = {name: error for name, error in errors.items() if type(error) is not EngineError}
    assert wrong == {}
    assert {error.failure for error in errors.values()} == {Failure.TERMINAL}
    assert all("no space left" in str(error) for error in errors.values())


def archive(size: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        entry = tarfile.TarInfo("file")
        entry.size = size
        tar.addfile(entry, io.BytesIO(bytes(size)))
    return out.getvalue()
