"""Every fault in the middle of every operation: the right kind of failure, in time, and nothing left behind."""

import io
import os
import socket
import tarfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ozwald.errors import ConnectionFailed, EngineError, Failure, HostError
from ozwald.remote import link as links
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from ozwald.remote.probe import probe
from ozwald.remote.ssh_config import SshOptions
from tests.lab import HostOptions, Lab
from tests.lab.host import Host as Box
from tests.lab.standard import IMAGE
from tests.remote.reach import host_of, options_of

pytestmark = pytest.mark.lab

QUIET_S = 0.4
ANSWER_S = 0.4
POLL_S = 0.1
NOTICED_S = QUIET_S + ANSWER_S + 2 * POLL_S
SPENT = "sleep 4714"
FLEET = {
    "box": HostOptions(),
    "cli": HostOptions(sshd=("AllowStreamLocalForwarding no",)),
    "single": HostOptions(docker=False, sshd=("MaxSessions 1",)),
    "tight": HostOptions(sshd=("AllowStreamLocalForwarding no", "MaxSessions 1")),
    "crowded": HostOptions(docker=False, sshd=("MaxStartups 1:100:1", "LoginGraceTime 30")),
}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory, lab_image: Path) -> Iterator[Lab]:
    with Lab.start(tmp_path_factory.mktemp("faulty") / "lab", FLEET) as running:
        for name in ("box", "cli"):
            running.hosts[name].load_image(lab_image)
        yield running
        boxes = running.hosts.values()
        assert gone_soon(lambda: [box.name for box in boxes if box.shell(f"pgrep -fx '{SPENT}'").stdout])


def gone_soon(left: Callable[[], object], *, within_s: float = 6.0) -> bool:
    """Whether what is left of something goes away: a command on a host that was lost ends by its own time limit."""
    deadline = time.monotonic() + within_s
    while left() and time.monotonic() < deadline:
        time.sleep(0.05)
    return not left()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(links, "QUIET_S", QUIET_S)
    monkeypatch.setattr(links, "ANSWER_S", ANSWER_S)
    monkeypatch.setattr("ozwald.remote.transport.POLL_S", POLL_S)


@contextmanager
def nothing_left() -> Iterator[None]:
    """Afterwards there are no more descriptors and threads than before."""

    def counted() -> tuple[int, list[str]]:
        threads = [thread.name for thread in threading.enumerate() if thread.name != "lab-proxy"]
        return len(os.listdir("/proc/self/fd")), sorted(threads)

    before = counted()
    yield
    deadline = time.monotonic() + 2
    while counted() != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert counted() == before


@dataclass(frozen=True)
class Outcome:
    error: BaseException | None
    seconds: float

    @property
    def failure(self) -> Failure | None:
        return self.error.failure if isinstance(self.error, HostError) else None


class Attempts:
    """Operations that run at once, each on a thread, and how each of them ended."""

    def __init__(self, operations: Mapping[str, Callable[[], object]]) -> None:
        self.outcomes: dict[str, Outcome] = {}
        self._hit = time.monotonic()
        self._threads = [
            threading.Thread(target=self._attempt, args=(name, operation)) for name, operation in operations.items()
        ]
        for thread in self._threads:
            thread.start()

    def hit(self) -> None:
        """The fault strikes now: from here on time counts."""
        self._hit = time.monotonic()

    def ended(self, *, within_s: float) -> dict[str, Outcome]:
        for thread in self._threads:
            thread.join(max(0.0, self._hit + within_s + 5 - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads)
        return self.outcomes

    def _attempt(self, name: str, operation: Callable[[], object]) -> None:
        error: BaseException | None = None
        try:
            operation()
        except BaseException as err:
            error = err
        self.outcomes[name] = Outcome(error, time.monotonic() - self._hit)


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
        "probe": lambda: probe(connection, tool_s=1),
    }


CHANGING = {"run", "create", "start", "exec", "exec output"}


def cut(box: Box) -> None:
    box.cut()


def freeze(box: Box) -> None:
    box.freeze_sshd()


def kill(box: Box) -> None:
    box.stop_sshd()


def restore(box: Box) -> None:
    box.mend()
    box.stop_sshd()
    box.start_sshd()
    box.thaw_dockerd()
    box.engine.clean()


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


def test_a_silent_link_says_so_in_the_error(faulty: Lab) -> None:
    with faulty.proxy(faulty.hosts["box"]) as proxy, Fleet({}, options=known_as(faulty, proxy.port)) as fleet:
        connection = fleet.connection(host_of(faulty, "box", address=proxy.address, port=proxy.port))
        attempts = Attempts({"run": lambda: connection.run(["sleep", "3"], timeout_s=4)})
        time.sleep(0.2)
        proxy.cut()
        attempts.hit()
        (outcome,) = attempts.ended(within_s=NOTICED_S).values()

    assert "does not answer any more (nothing heard for" in str(outcome.error)
    assert outcome.seconds < NOTICED_S + 1


def known_as(lab: Lab, port: int) -> SshOptions:
    """Options that know the host `box` behind a proxy's port."""
    known = lab.directory / f"known_{port}"
    known.write_text(f"[127.0.0.1]:{port} {lab.hosts['box'].host_key}\n")
    return options_of(lab, known_hosts=(str(known),))


CONNECTING: list[tuple[str, Callable[[Box], None], str]] = [
    ("cut", cut, "no answer from"),
    ("freeze", freeze, "does not speak SSH in time"),
    ("kill", kill, "refused the connection"),
]


@pytest.mark.parametrize(("name", "fault", "message"), CONNECTING, ids=[case[0] for case in CONNECTING])
def test_connecting_to_a_faulty_host_ends_in_time(
    faulty: Lab, name: str, fault: Callable[[Box], None], message: str
) -> None:
    box = faulty.hosts["single"]
    fault(box)
    started = time.monotonic()
    try:
        with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet, pytest.raises(ConnectionFailed) as error:
            fleet.connection(host_of(faulty, box.name), deadline=started + 0.6)
    finally:
        box.mend()
        box.stop_sshd()
        box.start_sshd()

    assert time.monotonic() - started < 0.6 + 1.5  # with the second that closing may take
    assert error.value.failure is Failure.RETRYABLE
    assert message in error.value.message


def test_a_jump_host_that_freezes_is_given_up_and_found_again(faulty: Lab) -> None:
    gate, behind = faulty.hosts["single"], host_of(faulty, "box", jump="single")
    inventory = {"single": host_of(faulty, "single")}
    with nothing_left(), Fleet(inventory, options=options_of(faulty)) as fleet:
        assert fleet.connection(behind).run(["hostname"], timeout_s=5).stdout == b"box\n"
        fleet.forget("box")
        gate.freeze_sshd()
        try:
            error = failing(lambda: fleet.connection(behind, deadline=time.monotonic() + 2), within_s=2)
            assert error.failure is Failure.RETRYABLE
        finally:
            gate.thaw_sshd()
        assert fleet.connection(behind).run(["hostname"], timeout_s=5).stdout == b"box\n"


def test_a_link_that_is_cut_behind_a_jump_host_is_noticed(faulty: Lab) -> None:
    behind = host_of(faulty, "box", jump="single")
    with nothing_left(), Fleet({"single": host_of(faulty, "single")}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(behind)
        attempts = Attempts({"run": lambda: connection.run(SPENT.split(), timeout_s=2)})
        time.sleep(0.3)
        faulty.hosts["box"].cut()
        try:
            attempts.hit()
            (outcome,) = attempts.ended(within_s=NOTICED_S).values()
        finally:
            faulty.hosts["box"].mend()

        assert outcome.failure is Failure.UNKNOWN
        assert outcome.seconds < NOTICED_S + 1


def failing(call: Callable[[], object], *, within_s: float) -> HostError:
    started = time.monotonic()
    with pytest.raises(HostError) as error:
        call()
    assert time.monotonic() - started < within_s + 1
    return error.value


def test_a_crowded_sshd_is_tried_until_there_is_room(faulty: Lab) -> None:
    box = faulty.hosts["crowded"]
    holder = socket.create_connection((box.address, 22))
    with holder, Fleet({}, options=options_of(faulty)) as fleet:
        error = failing(
            lambda: fleet.connection(host_of(faulty, "crowded"), deadline=time.monotonic() + 0.6), within_s=0.6
        )
        assert error.failure is Failure.RETRYABLE
        assert "broke off before the SSH handshake was done" in error.message
        threading.Timer(0.3, holder.close).start()
        assert fleet.connection(host_of(faulty, "crowded"), deadline=time.monotonic() + 5).is_open()


def test_with_one_session_the_second_command_may_be_tried_again(faulty: Lab) -> None:
    with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "single"))
        attempts = Attempts({"first": lambda: connection.run(["sleep", "1"], timeout_s=5)})
        time.sleep(0.3)
        error = failing(lambda: connection.run(["true"], timeout_s=5), within_s=0)
        assert error.failure is Failure.RETRYABLE
        assert attempts.ended(within_s=2)["first"].error is None
        assert connection.run(["true"], timeout_s=5).exit_status == 0


def test_an_engine_s_idle_pipe_gives_way_to_a_command_where_there_is_one_session(faulty: Lab) -> None:
    with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "tight"))
        engine = connection.engine()
        assert engine.list_containers() == ()
        assert connection.run(["hostname"], timeout_s=5).stdout == b"tight\n"
        assert engine.list_containers() == ()


def test_a_slow_host_that_answers_is_not_given_up(faulty: Lab) -> None:
    with Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "single"))
        assert connection.run(["sleep", "2"], timeout_s=5).exit_status == 0


def test_an_idle_connection_to_a_frozen_host_is_left_alone(faulty: Lab) -> None:
    box = faulty.hosts["single"]
    with Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "single"))
        box.freeze_sshd()
        time.sleep(NOTICED_S + 0.3)
        box.thaw_sshd()
        assert connection.is_open()
        assert connection.run(["true"], timeout_s=5).exit_status == 0


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


def test_a_full_disk_is_an_error_of_the_engine_and_ends_nothing_else(faulty: Lab, full: Box, lab_image: Path) -> None:
    with nothing_left(), Fleet({}, options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "box"))
        engine = connection.engine()
        container = engine.create("ozsvc--r--old", {"Image": IMAGE})
        engine.start(container)
        full.shell("dd if=/dev/zero of=/run/lab/docker/filler bs=4k 2>/dev/null; true", check=True)
        errors = {
            "create": failing(lambda: engine.create("ozsvc--r--new", {"Image": IMAGE}), within_s=9),
            "copy": failing(lambda: engine.put_archive(container, "/tmp", [archive(1 << 20)]), within_s=9),
            "load": failing(lambda: engine.load_image([lab_image.read_bytes()]), within_s=9),
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
