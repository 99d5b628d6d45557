"""What is asked for becomes durable before anything is changed, and reading it changes nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import pytest

from ozwald.errors import ConnectionFailed, Failure, NothingReachable, RequestError, StateError
from ozwald.execution.intent import Intent, intend, make_durable
from ozwald.model.host import Host
from ozwald.model.plan import Action
from ozwald.model.service import InstanceRequest, Realm
from ozwald.model.settings import Settings
from ozwald.model.wanted import WantedSet
from ozwald.remote.command import CommandResult
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from ozwald.state.home import DataFolder
from ozwald.state.wanted import read_wanted, wanted_path, write_wanted
from tests.builders import definition, inventory, placed, realms, request, wanted
from tests.fakes.engine import FakeEngine

LOOKS = {"list_containers", "facts", "ping"}


class BareConnection:
    """A host whose commands print nothing, with a fake engine."""

    def __init__(self, host: Host, engine: FakeEngine) -> None:
        self.host = host
        self._engine = engine

    def engine(self) -> Engine:
        return self._engine

    def run(self, words: Sequence[str], **_: object) -> CommandResult:
        return CommandResult(exit_status=0, stdout=b"", stderr=b"")


class BareFleet(Fleet):
    """Hosts that answer at once, but for those that are `down`."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        super().__init__(hosts)
        self.engines = {name: FakeEngine(name) for name in hosts}
        self.down: set[str] = set()

    def connection(self, host: Host, *, deadline: float | None = None) -> HostConnection:
        if host.name in self.down:
            raise ConnectionFailed(host.name, "no route to host", failure=Failure.RETRYABLE)
        return cast(HostConnection, BareConnection(host, self.engines[host.name]))


class Desk:
    """What `intend` needs, around one data folder."""

    def __init__(self, path: Path) -> None:
        self.home = DataFolder(path)
        self.realms: Mapping[str, Realm] = realms(definition("llm"), definition("web"))
        self.inventory = inventory("box1", "box2")
        self.fleet = BareFleet(self.inventory.hosts)

    @property
    def stored(self) -> WantedSet | None:
        return read_wanted(wanted_path(self.home, "local"))

    def store(self, want: WantedSet) -> None:
        self.home.folder("wanted")
        write_wanted(wanted_path(self.home, "local"), want)

    def intend(self, *requests: InstanceRequest, again: bool = False) -> Intent:
        return intend(
            None if again else requests,
            settings=Settings(path="settings.yml", inventory=self.inventory, realms=self.realms),
            hosts=self.inventory.hosts,
            fleet=self.fleet,
            home=self.home,
            provisioner="local",
        )

    def make_durable(self, intent: Intent) -> None:
        make_durable(intent, home=self.home, provisioner="local")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_the_first_request_is_the_first_generation(desk: Desk) -> None:
    intent = desk.intend(request())

    assert intent.wanted == wanted(placed("box1"), generation=1)
    assert [operation.action for operation in intent.plan.operations] == [Action.CREATE]


def test_intending_writes_nothing_and_changes_nothing(desk: Desk) -> None:
    desk.intend(request())

    assert list(desk.home.path.iterdir()) == []
    assert {method for engine in desk.fleet.engines.values() for method, _ in engine.calls} <= LOOKS


def test_what_is_made_durable_is_what_was_intended(desk: Desk) -> None:
    intent = desk.intend(request())

    desk.make_durable(intent)

    assert desk.stored == intent.wanted


def test_asking_for_the_same_again_is_no_new_generation(desk: Desk) -> None:
    desk.make_durable(desk.intend(request()))

    assert desk.intend(request()).wanted.generation == 1
    assert desk.intend(again=True).wanted == desk.stored


def test_any_change_is_a_new_generation(desk: Desk) -> None:
    desk.make_durable(desk.intend(request()))

    assert desk.intend(request(), request("web")).wanted.generation == 2
    assert desk.intend(request(host="box1")).wanted.generation == 2
    assert desk.intend().wanted == wanted(generation=2)


def test_the_whole_set_is_replaced_and_what_stays_keeps_its_place(desk: Desk) -> None:
    desk.store(wanted(placed("box2"), placed("box1", "web"), generation=4))
    desk.fleet.down = {"box2"}

    intent = desk.intend(request())

    assert intent.wanted == wanted(placed("box2"), generation=5)
    assert [operation.action for operation in intent.plan.operations] == [Action.BLOCKED]


def test_without_a_request_what_is_wanted_already_is_planned(desk: Desk) -> None:
    desk.store(wanted(placed("box2"), generation=4))

    assert [str(operation.key) for operation in desk.intend(again=True).plan.operations] == ["llm"]


def test_without_a_request_and_with_nothing_wanted_it_is_said_how_to_ask(desk: Desk) -> None:
    with pytest.raises(RequestError, match="nothing is wanted yet; say what: ozwald apply"):
        desk.intend(again=True)


def test_one_instance_asked_for_twice_is_an_error(desk: Desk) -> None:
    with pytest.raises(RequestError, match="instance llm is asked for twice"):
        desk.intend(request(), request(profile="fast"))


def test_a_damaged_wanted_set_means_hold(desk: Desk) -> None:
    path = desk.home.folder("wanted") / "local.json"
    path.write_text("{")

    with pytest.raises(StateError, match="is damaged"):
        desk.intend(request())

    assert path.read_text() == "{"


def test_when_no_host_answers_nothing_is_decided(desk: Desk) -> None:
    desk.fleet.down = {"box1", "box2"}

    with pytest.raises(NothingReachable) as nothing:
        desk.intend(request())

    assert set(nothing.value.failures) == {"box1", "box2"}


def test_a_host_that_does_not_answer_is_part_of_the_plan(desk: Desk) -> None:
    desk.fleet.down = {"box1"}

    intent = desk.intend(request())

    assert intent.plan.unreachable == {"box1": "no route to host"}
    assert intent.wanted.instances == (placed("box2"),)
