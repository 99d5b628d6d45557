"""What services write is kept once each, through restarts of either side, and without end."""

from dataclasses import replace
from pathlib import Path

import pytest

from ozwald.controller.log_keeper import MOST_MESSAGES, LogKeeper
from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.active import ActiveService, Status
from ozwald.remote.engine import LogPiece
from ozwald.state.home import DataFolder
from ozwald.state.service_logs import MAX_BYTES, ServiceLogs
from tests.builders import key
from tests.fakes.engine import FakeEngine
from tests.waiting import eventually

CHAT = key("chat")


class World:
    """One container, and keepers that come and go."""

    def __init__(self, folder: Path) -> None:
        self.home = DataFolder(folder)
        self.engine = FakeEngine("box1", images=["llm:1"])
        self.id = self.engine.create("ozsvc--default--chat", {"Image": "llm:1"})
        self.engine.containers[self.id].created_at = 1000.0
        self.engine.start(self.id)
        self.service = ActiveService(
            key=CHAT, service="llm", status=Status.AVAILABLE, host="box1", container_id=self.id
        )
        self.keeper = self.begins()

    def begins(self) -> LogKeeper:
        self.keeper = LogKeeper(ServiceLogs(self.home), lambda _host: self.engine, flood_s=0.05)
        return self.keeper

    def writes(self, text: str) -> None:
        self.engine.containers[self.id].log += text.encode()

    def sees(self, status: Status = Status.AVAILABLE) -> None:
        self.keeper.attend([replace(self.service, status=status)])

    @property
    def kept(self) -> str:
        return b"".join(one.content for one in ServiceLogs(self.home).read(CHAT) or ()).decode()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_what_a_service_writes_is_kept_as_it_comes(world: World) -> None:
    world.writes("a\n")
    world.sees()
    assert eventually(lambda: world.kept == "a\n")

    world.writes("b\n")

    assert eventually(lambda: world.kept == "a\nb\n")
    world.sees()
    assert [call for call, _ in world.engine.calls].count("follow_logs") == 1
    world.keeper.stop()


def test_a_new_controller_goes_on_where_the_last_one_was(world: World) -> None:
    world.writes("a\nb\n")
    world.sees()
    assert eventually(lambda: world.kept == "a\nb\n")
    world.keeper.stop()
    world.writes("c\n")

    world.begins()
    world.sees()

    assert eventually(lambda: world.kept.endswith("c\n"))
    assert world.kept == "a\nb\nc\n"
    world.keeper.stop()


def test_what_has_ended_is_read_to_its_end_once(world: World) -> None:
    world.writes("last words\n")
    world.engine.containers[world.id].state = "exited"
    for _ in range(3):
        world.sees(Status.FAILED)
        assert eventually(lambda: not world.keeper._threads)

    assert world.kept == "last words\n"
    assert [call for call, _ in world.engine.calls].count("follow_logs") == 1


def test_a_host_that_does_not_answer_is_not_asked_and_is_caught_up_with_later(world: World) -> None:
    world.sees(Status.UNREACHABLE)
    assert not world.keeper._threads
    world.writes("meanwhile\n")

    world.sees()

    assert eventually(lambda: world.kept == "meanwhile\n")
    world.keeper.stop()


def test_what_fails_is_left_alone_for_a_while(world: World) -> None:
    world.engine.fail("follow_logs", ConnectionFailed("box1", "cut", failure=Failure.RETRYABLE))
    for _ in range(3):
        world.sees()
        assert eventually(lambda: not world.keeper._threads)

    assert [call for call, _ in world.engine.calls].count("follow_logs") == 1


def test_endless_output_is_bounded_and_the_newest_of_it_is_kept(world: World) -> None:
    world.writes("".join(f"{number:0100d}\n" for number in range(60_000)))
    world.sees()

    assert eventually(lambda: world.kept.endswith(f"{59_999:0100d}\n"))
    world.keeper.stop()
    files = list((world.home.path / "logs" / "services").iterdir())
    assert sum(path.stat().st_size for path in files) < MAX_BYTES + 1024


def test_after_a_lost_connection_nothing_is_missing_and_nothing_double(world: World) -> None:
    world.writes("a\nb\n")
    world.sees()
    assert eventually(lambda: world.kept == "a\nb\n")
    [stream] = world.keeper._streams.values()
    stream.read = lost  # type: ignore[method-assign]
    world.writes("c\n")
    assert eventually(lambda: not world.keeper._threads)
    world.writes("d\n")
    for trouble in world.keeper._troubles.values():
        trouble.until = 0.0

    world.sees()

    assert eventually(lambda: world.kept == "a\nb\nc\nd\n")
    world.keeper.stop()


def test_what_the_engine_has_thrown_away_meanwhile_is_said_to_be_missing(world: World) -> None:
    world.writes("a\n")
    world.sees()
    assert eventually(lambda: world.kept == "a\n")
    world.keeper.stop()
    world.writes("".join(f"{number}\n" for number in range(MOST_MESSAGES + 5)))

    world.begins()
    world.sees()

    assert eventually(lambda: world.kept.endswith(f"{MOST_MESSAGES + 4}\n"))
    assert "a\n(ozwald: lines were left out here)\n5\n6\n" in world.kept
    world.keeper.stop()


def lost() -> list[LogPiece]:
    raise ConnectionFailed("box1", "the link was cut", failure=Failure.UNKNOWN)
