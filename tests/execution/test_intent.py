"""What is asked for becomes durable before anything is changed, and reading it changes nothing."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from ozwald.errors import ConnectionFailed, Failure, NothingReachable, RequestError, StateError
from ozwald.execution.carry_out import carry_out
from ozwald.execution.health import Patience
from ozwald.execution.intent import Intent, forget_restarts, intend, make_durable
from ozwald.execution.labels import Ownership
from ozwald.execution.steps import Result
from ozwald.model.container import LABEL_INSTANCE
from ozwald.model.history import Author
from ozwald.model.host import Host
from ozwald.model.plan import Action
from ozwald.model.service import InstanceRequest, Realm
from ozwald.model.settings import Settings
from ozwald.model.wanted import WantedSet
from ozwald.planning.asking import Adding, Ask, Exactly, Removing, Same
from ozwald.remote.command import CommandResult
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from ozwald.state.history import History
from ozwald.state.home import DataFolder
from ozwald.state.wanted import changing_wanted, read_wanted, wanted_path, write_wanted
from tests.builders import definition, depends_on, inventory, key, placed, realms, request, wanted
from tests.fakes.engine import FakeEngine

AUTHOR = Author(owner="ann", command="ozwald apply")
LOOKS = {"list_containers", "facts", "ping"}


class BareConnection:
    """A host whose probe finds nothing out, with a fake engine."""

    def __init__(self, host: Host, engine: FakeEngine) -> None:
        self.host = host
        self._engine = engine

    def engine(self) -> Engine:
        return self._engine

    def run(self, words: Sequence[str], **_: object) -> CommandResult:
        return CommandResult(exit_status=0, stdout=f"\nozwald-probe {words[2]}\n".encode(), stderr=b"")


class BareFleet(Fleet):
    """Hosts that answer at once, but for those that are `down`."""

    def __init__(self, hosts: Mapping[str, Host]) -> None:
        super().__init__(hosts)
        self.engines = {name: FakeEngine(name, images=("llm:1", "web:1")) for name in hosts}
        for number, engine in enumerate(self.engines.values(), start=1):
            engine._numbers = itertools.count(1000 * number)  # ids of two engines are never the same
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

    @property
    def settings(self) -> Settings:
        return Settings(path="settings.yml", inventory=self.inventory, realms=self.realms)

    def intend(self, *requests: InstanceRequest, again: bool = False, limit: str = "") -> Intent:
        return self.ask(Same() if again else Exactly(requests=requests), limit=limit)

    def ask(self, ask: Ask, *, limit: str = "") -> Intent:
        return intend(
            ask,
            settings=self.settings,
            hosts={name: host for name, host in self.inventory.hosts.items() if name == (limit or name)},
            fleet=self.fleet,
            home=self.home,
            provisioner="local",
        )

    def apply(self, *requests: InstanceRequest, limit: str = "") -> dict[str, str]:
        """Carries a plan out on the fake engines; returns where each action took place or was blocked."""
        intent = self.make_durable(self.intend(*requests, limit=limit))
        ours = Ownership(
            provisioner="local", controller=self.home.controller_id(), generation=intent.wanted.generation, owner="ann"
        )
        carry_out(
            intent.plan,
            lambda name: self.fleet.engines[name],
            ownership=ours,
            report=lambda _: None,
            patience=Patience(settle_s=0.0, poll_s=0.0),
        )
        return {f"{one.action.value} {one.key}": one.host or "" for one in intent.plan.operations}

    def running(self) -> list[str]:
        """The instances that run, on all hosts, whether they answer or not."""
        return sorted(
            f"{found.labels[LABEL_INSTANCE]} on {host}"
            for host, engine in self.fleet.engines.items()
            for found in engine.list_containers()
        )

    def make_durable(self, intent: Intent) -> Intent:
        return make_durable(
            intent,
            settings=self.settings,
            fleet=self.fleet,
            home=self.home,
            provisioner="local",
            author=AUTHOR,
            now=lambda: 7.0,
        )


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


@pytest.fixture
def changing(desk: Desk) -> Iterator[Desk]:
    with desk.home.changing(desk.inventory.hosts):
        yield desk


class TestForgetting:
    """What was dropped while it could not be stopped is not forgotten, and so gets no twin."""

    def test_what_cannot_be_stopped_is_told_until_it_is_gone(self, changing: Desk) -> None:
        changing.apply(request(host="box2"), request("web", host="box1"))
        changing.fleet.down = {"box2"}

        assert changing.apply(request("web")) == {"keep web": "box1", "blocked llm": "box2"}
        assert changing.apply(request("web")) == {"keep web": "box1", "blocked llm": "box2"}

        changing.fleet.down = set()

        assert changing.apply(request("web")) == {"keep web": "box1", "stop llm": "box2"}
        changing.apply(request("web"))
        assert changing.stored == wanted(placed("box1", "web"), generation=2)

    def test_what_is_asked_for_again_is_held_where_it_is(self, changing: Desk) -> None:
        changing.apply(request(host="box2"), request("web"))
        changing.fleet.down = {"box2"}
        changing.apply(request("web"))

        assert changing.apply(request(), request("web"))["blocked llm"] == ""

        changing.fleet.down = set()
        changing.apply(request(), request("web"))
        assert changing.running() == ["llm on box2", "web on box1"]

    def test_what_is_pinned_elsewhere_runs_there_and_its_twin_goes_when_it_can(self, changing: Desk) -> None:
        changing.apply(request(host="box2"))
        changing.fleet.down = {"box2"}
        changing.apply()

        assert changing.apply(request(host="box1")) == {"create llm": "box1", "blocked llm": "box2"}
        assert changing.apply(request()) == {"keep llm": "box1", "blocked llm": "box2"}

        changing.fleet.down = set()
        assert changing.apply(request()) == {"keep llm": "box1", "stop llm": "box2"}
        assert changing.running() == ["llm on box1"]

    def test_a_move_whose_stop_failed_is_finished_however_late(self, changing: Desk) -> None:
        changing.apply(request(host="box1"))
        changing.make_durable(changing.intend(request(host="box2")))
        changing.fleet.down = {"box1"}

        assert changing.apply(request(host="box2"))["blocked llm"] == "box1"
        changing.apply()
        assert changing.apply(request(), request("web"))["blocked llm"] == ""
        assert changing.running() == ["llm on box1", "web on box2"]

    def test_a_host_that_left_the_inventory_is_forgotten(self, desk: Desk) -> None:
        desk.store(wanted(leaving={"llm": "gone"}))

        assert desk.intend().wanted.leaving == ()


class TestLimit:
    def test_a_limited_request_does_not_speak_of_other_hosts(self, changing: Desk) -> None:
        changing.apply(request(host="box1"), request("web", host="box1"))

        assert changing.apply(request("other", service="web"), limit="box2") == {"create other": "box2"}
        assert changing.apply(request("other", service="web")) == {
            "stop llm": "box1",
            "stop web": "box1",
            "keep other": "box2",
        }

    def test_what_has_not_left_its_last_host_is_not_made_within_a_limit(self, changing: Desk) -> None:
        changing.apply(request(host="box1"))
        changing.make_durable(changing.intend(request(host="box2")))

        assert changing.apply(request(host="box2"), limit="box2") == {}
        assert changing.running() == ["llm on box1"]

    def test_what_was_dropped_is_not_made_anew_within_a_limit(self, changing: Desk) -> None:
        changing.apply(request(host="box1"))
        changing.fleet.down = {"box1"}
        changing.apply()

        assert changing.apply(request(), limit="box2") == {}


class TestMeanwhile:
    """Another process may change the wanted set between the look at it and its writing."""

    def test_two_requests_for_different_hosts_keep_each_others_change(self, desk: Desk) -> None:
        one = desk.intend(request(host="box1"), limit="box1")
        other = desk.intend(request("web", host="box2"), limit="box2")

        desk.make_durable(one)
        second = desk.make_durable(other)

        assert desk.stored == wanted(placed("box1", host="box1"), placed("box2", "web", host="box2"), generation=2)
        assert [str(operation.key) for operation in second.plan.changes] == ["web"]

    def test_one_name_asked_for_on_two_hosts_gets_no_twin(self, desk: Desk) -> None:
        one = desk.intend(request(), limit="box1")
        other = desk.intend(request(), limit="box2")

        first, second = desk.make_durable(one), desk.make_durable(other)

        assert [operation.host for operation in first.plan.changes] == ["box1"]
        assert second.plan.changes == ()
        assert desk.stored == wanted(placed("box1"))

    def test_a_request_that_makes_no_sense_any_more_writes_nothing(self, desk: Desk) -> None:
        desk.make_durable(desk.intend(request(), request("web")))
        late = desk.ask(Removing(keys=(key(),)))
        desk.make_durable(desk.ask(Removing(keys=(key(),))))

        with pytest.raises(RequestError, match="no wanted instance 'llm'; known: web"):
            desk.make_durable(late)

        assert desk.stored is not None
        assert desk.stored.generation == 2

    def test_the_set_is_locked_only_while_it_is_written(self, desk: Desk) -> None:
        intent = desk.intend(request())
        with changing_wanted(desk.home, "local"):
            pass
        desk.make_durable(intent)

        with changing_wanted(desk.home, "local"):
            pass


class TestRestarts:
    """A restart that a replacement owes is written down before anything is changed, and until it is done."""

    def replaced(self, desk: Desk) -> Intent:
        follows = definition("web", base={"image": "web:1", "depends_on": depends_on("llm", restart=True)})
        desk.realms = realms(definition("llm"), follows)
        desk.apply(request(), request("web"))
        desk.realms = realms(definition("llm", base={"image": "web:1"}), follows)
        return desk.make_durable(desk.intend(request(), request("web")))

    def test_a_kill_before_it_leaves_it_to_the_next_apply(self, changing: Desk) -> None:
        intent = self.replaced(changing)

        assert [str(one.key) for one in intent.wanted.restarts] == ["web"]
        changing.realms = realms(definition("llm"), definition("web", base={"image": "web:1"}))
        assert changing.apply(request(), request("web"))["restart web"] == "box1"

    def test_what_is_done_is_owed_no_more(self, changing: Desk) -> None:
        intent = self.replaced(changing)
        done = [Result(operation=operation) for operation in intent.plan.operations]

        forget_restarts(done, home=changing.home, provisioner="local")

        assert changing.stored == replace(intent.wanted, restarts=())

    def test_what_failed_is_owed_still(self, changing: Desk) -> None:
        intent = self.replaced(changing)
        failed = [Result(operation=operation, error="no") for operation in intent.plan.operations]

        forget_restarts(failed, home=changing.home, provisioner="local")

        assert changing.stored == intent.wanted


class TestHistory:
    def test_each_generation_is_kept_with_who_made_it_and_what_it_changed(self, desk: Desk) -> None:
        desk.make_durable(desk.intend(request()))
        desk.make_durable(desk.ask(Adding(requests=(request("web"),))))
        desk.make_durable(desk.ask(Removing(keys=(key(),))))

        history = History(desk.home, "local")
        kept = [history.read(number) for number in history.numbers()]

        assert [one.number for one in kept if one] == [3, 2, 1]
        assert [(one.at, one.author) for one in kept if one] == [(7.0, AUTHOR)] * 3
        assert [[(str(change.key), change.kind.value) for change in one.changes] for one in kept if one] == [
            [("llm", "removed")],
            [("web", "added")],
            [("llm", "added")],
        ]

    def test_what_changes_nothing_is_not_kept(self, desk: Desk) -> None:
        desk.make_durable(desk.intend(request()))
        desk.make_durable(desk.intend(request()))

        assert History(desk.home, "local").numbers() == [1]

    def test_a_history_that_cannot_be_written_stops_nothing(self, desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
        desk.home.folder()
        (desk.home.path / "history").write_text("in the way")

        desk.make_durable(desk.intend(request()))

        assert desk.stored == wanted(placed("box1"))
        assert "generation 1 is not in the history" in caplog.text

    def test_a_lost_set_goes_on_where_its_history_ends(self, desk: Desk) -> None:
        desk.make_durable(desk.intend(request()))
        desk.make_durable(desk.intend(request("web")))
        wanted_path(desk.home, "local").unlink()

        assert desk.intend(request()).wanted.generation == 3

    def test_the_order_of_the_words_is_no_change(self, desk: Desk) -> None:
        desk.make_durable(desk.intend(request(), request("web")))

        assert desk.intend(request("web"), request()).wanted.generation == 1


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
