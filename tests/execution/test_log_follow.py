"""Following logs on engines in memory: restarts, successors, lost connections, and the end."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ozwald.errors import StateError
from ozwald.execution.log_follow import Following
from ozwald.execution.logs import Asked, InstanceLog, past_lines
from ozwald.model.active import ActiveService, Status
from ozwald.model.plan import InstanceKey
from tests.builders import key
from tests.fakes.engine import FakeEngine
from tests.waiting import eventually

IMAGE = "llm:1"


class Fleet:
    """Engines by name, and a lookout that sees the container of each instance by its name."""

    def __init__(self, *hosts: str) -> None:
        self.engines = {host: FakeEngine(host, images=[IMAGE], clock=lambda: 1.0) for host in hosts}
        self.wanted = True
        self.is_damaged = False

    def engine_of(self, host: str) -> FakeEngine:
        return self.engines[host]

    def runs(self, host: str, name: str, log: bytes) -> InstanceLog:
        """A running container of an instance, which has written this."""
        engine = self.engines[host]
        made = engine.create(name, {"Image": IMAGE})
        engine.start(made)
        engine.containers[made].log = log
        return InstanceLog(key(name), host, made)

    def near(self, instance: InstanceKey, host: str | None) -> ActiveService | None:
        for container in self.engines[host or ""].list_containers():
            if container.name == instance.name:
                return ActiveService(
                    key=instance, service="llm", status=Status.AVAILABLE, host=host, container_id=container.id
                )
        return None

    def everywhere(self, instance: InstanceKey) -> ActiveService | None:
        return next((found for host in self.engines if (found := self.near(instance, host))), None)

    def is_wanted(self, instance: InstanceKey) -> bool:
        if self.is_damaged:
            raise StateError("the wanted set is damaged")
        return self.wanted


class Seen:
    """What following has shown and told so far."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.told: list[str] = []
        self.has_ended = False

    def eventually(self, holds: Callable[["Seen"], bool]) -> bool:
        return eventually(lambda: holds(self))


@contextmanager
def following(fleet: Fleet, *logs: InstanceLog) -> Iterator[Seen]:
    """Reads what there is, and then follows until the block ends."""
    seen, over = Seen(), threading.Event()
    for lines in past_lines(logs, fleet.engine_of, asked=Asked(), failed=lambda _, text: seen.told.append(text)):
        seen.texts += [line.text.decode() for line in lines]
    follow = Following(logs, fleet.engine_of, fleet, since_ns=None, tell=lambda _, text: seen.told.append(text))

    def read() -> None:
        batches = follow.lines()
        for lines in batches:
            seen.texts += [line.text.decode() for line in lines]
            if over.is_set():
                batches.close()  # type: ignore[attr-defined]
        seen.has_ended = True

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield seen
    finally:
        over.set()
        for log in logs:
            _write(fleet, log, b"the end\n")
        reader.join(5)
        assert not reader.is_alive()
        assert not [thread for thread in threading.enumerate() if thread.name == "log"]


def _write(fleet: Fleet, log: InstanceLog, text: bytes) -> None:
    container = fleet.engines[log.host or ""].containers.get(log.container_id or "")
    if container is not None:
        container.log += text


def test_what_comes_follows_what_was_there() -> None:
    fleet = Fleet("box1")
    log = fleet.runs("box1", "a", b"one\n")
    with following(fleet, log) as seen:
        assert seen.texts == ["one"]
        _write(fleet, log, b"two\n")

        assert seen.eventually(lambda seen: seen.texts == ["one", "two"])


def test_a_restart_is_gone_through_without_a_line_twice() -> None:
    fleet = Fleet("box1")
    log = fleet.runs("box1", "a", b"one\n")
    with following(fleet, log) as seen:
        engine = fleet.engines["box1"]
        engine.exit("a")
        assert seen.eventually(lambda seen: any("has ended" in text for text in seen.told))
        engine.start(log.container_id or "")
        _write(fleet, log, b"two\n")

        assert seen.eventually(lambda seen: seen.texts == ["one", "two"])


def test_a_damaged_wanted_set_is_told_and_following_goes_on() -> None:
    fleet = Fleet("box1")
    log = fleet.runs("box1", "a", b"one\n")
    with following(fleet, log) as seen:
        fleet.is_damaged = True
        fleet.engines["box1"].remove(log.container_id or "", force=True)
        assert seen.eventually(lambda seen: any("is damaged; trying again" in text for text in seen.told))
        fleet.runs("box1", "a", b"two\n")

        assert seen.eventually(lambda seen: seen.texts == ["one", "two"])


def test_a_successor_on_another_host_is_found() -> None:
    fleet = Fleet("box1", "box2")
    log = fleet.runs("box1", "a", b"one\n")
    with following(fleet, log) as seen:
        fleet.runs("box2", "a", b"two\n")
        fleet.engines["box1"].remove(log.container_id or "", force=True)

        assert seen.eventually(lambda seen: seen.texts == ["one", "two"])
        assert "box2" in seen.told[-1]


def test_going_back_to_the_former_container_goes_on_where_it_was_left() -> None:
    fleet = Fleet("box1")
    log = fleet.runs("box1", "a", b"one\n")
    engine, former = fleet.engines["box1"], log.container_id or ""
    with following(fleet, log) as seen:
        engine.rename(former, "a--old")
        failing = fleet.runs("box1", "a", b"broken\n")
        engine.stop(former)
        assert seen.eventually(lambda seen: "broken" in seen.texts)
        engine.remove(failing.container_id or "", force=True)
        engine.start(former)
        engine.rename(former, "a")
        engine.containers[former].log += b"two\n"

        assert seen.eventually(lambda seen: seen.texts == ["one", "broken", "two"])


def test_a_lost_connection_is_told_once_and_made_again() -> None:
    fleet = Fleet("box1")
    log = fleet.runs("box1", "a", b"one\n")
    fleet.engines["box1"].fail("state", times=2)
    with following(fleet, log) as seen:
        _write(fleet, log, b"two\n")

        assert seen.eventually(lambda seen: seen.texts == ["one", "two"])
        assert len([text for text in seen.told if "trying again" in text]) == 1


def test_it_ends_when_nothing_is_left_to_follow() -> None:
    fleet = Fleet("box1")
    log = fleet.runs("box1", "a", b"one\n")
    with following(fleet, log) as seen:
        fleet.wanted = False
        fleet.engines["box1"].remove(log.container_id or "", force=True)

        assert seen.eventually(lambda seen: seen.has_ended)
        assert seen.told == ["it was removed"]


def test_an_instance_without_a_container_is_waited_for() -> None:
    fleet = Fleet("box1")
    with following(fleet, InstanceLog(key("a"), "box1", "")) as seen:
        fleet.runs("box1", "a", b"one\n")

        assert seen.eventually(lambda seen: seen.texts == ["one"])
