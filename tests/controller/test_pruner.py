"""What nobody uses is removed by the controller when nothing else is in hand on the host."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ozwald.controller.journal import Journal
from ozwald.controller.leadership import ALONE
from ozwald.controller.prune_desk import MOST_KEPT, MOST_RUNNING, PruneDesk, TooMany, UnknownPrune
from ozwald.controller.pruner import Pruner
from ozwald.controller.reporter import Reporter
from ozwald.errors import ConnectionFailed, Failure, RequestError
from ozwald.execution.gates import HostGates
from ozwald.execution.health import Interrupted
from ozwald.execution.steps import Result
from ozwald.execution.workplace import Workplace
from ozwald.model.belongings import Prune
from ozwald.model.container import LABEL_CONTROLLER
from ozwald.model.data import LABEL_DATA
from ozwald.model.footprint import Combination
from ozwald.model.host import Host
from ozwald.model.plan import Action, Operation, Placement
from ozwald.planning.events import EventQuery
from ozwald.planning.footprint_order import Order
from ozwald.remote.fleet import Fleet
from tests.builders import key, request, spec
from tests.controller.world import ME, World
from tests.waiting import eventually

DATA = "ozdata--default--0123456789abcdef"


class Scene(World):
    """A loop and its pruner; on each host lies data that was sent and that nobody uses."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.journal = Journal()
        self.pruner = Pruner(
            cast(Fleet, self.links),
            self.loop.work,
            controller=self.home.controller_id,
            hosts=lambda: self.loop.charge.hosts,
            leadership=ALONE,
            reporter=Reporter(self.journal),
        )
        for engine in self.links.engines.values():
            engine.ensure_volume(DATA, {LABEL_CONTROLLER: self.home.controller_id(), LABEL_DATA: "0123456789abcdef"})

    def prunes(self, *hosts: str, wait_s: float = 60.0, dry_run: bool = False) -> Callable[[], Prune]:
        desk = self.pruner.desk
        taken = desk.submit(hosts, with_written=False, dry_run=dry_run, wait_s=wait_s, author=ME)
        return lambda: desk.find(taken.prune_id)

    def ended(self, prune: Callable[[], Prune]) -> dict[str, list[str]]:
        """What was in the way of each removal, by host, once the prune has ended."""
        assert eventually(lambda: prune().is_ended)
        return {host: [one.error for one in results] for host, results in prune().removed.items()}

    def has_data(self, host: str = "box1") -> bool:
        return DATA in self.links.engines[host].stored

    def events(self) -> list[tuple[str, str | None, str]]:
        return [(one.kind.value, one.host, one.text) for one in self.journal.choose(EventQuery())]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path / "home")
    yield made
    made.pruner.stop()


def begins(scene: Scene, work: Callable[[], None]) -> None:
    """An operation on box1 is in hand, which does this work."""
    operation = Operation(action=Action.CREATE, key=key("chat"), host="box1")

    def carry_out(operation: Operation) -> Result:
        work()
        return Result(operation=operation)

    scene.loop.work.begin_one(operation, carry_out)


def test_what_is_being_made_use_of_is_not_removed_under_its_hands(scene: Scene) -> None:
    may_go_on, engine = threading.Event(), scene.links.engines["box1"]

    def deliver() -> None:
        assert may_go_on.wait(10)
        mount = {"Type": "volume", "Source": DATA, "Target": "/data"}
        engine.create("ozsvc--default--chat", {"Image": "llm:1", "HostConfig": {"Mounts": [mount]}})

    begins(scene, deliver)
    prune = scene.prunes("box1", "box2")
    assert eventually(lambda: bool(prune().removed))
    assert set(prune().removed) == {"box2"}
    assert prune().waiting == {"box1": "until what is in hand there has ended (create of chat)"}
    may_go_on.set()

    assert scene.ended(prune) == {"box1": ["it is used or is another one now; look again"], "box2": [""]}
    assert (scene.has_data("box1"), scene.has_data("box2")) == (True, False)


def test_nothing_begins_on_a_host_while_things_are_removed_there(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    is_removing, may_go_on, box1 = threading.Event(), threading.Event(), scene.links.engines["box1"]
    remove = box1.remove_volume

    def slowly(name: str) -> None:
        is_removing.set()
        assert may_go_on.wait(10)
        remove(name)

    monkeypatch.setattr(box1, "remove_volume", slowly)
    prune = scene.prunes("box1")
    assert is_removing.wait(10)
    scene.asks(request("db", host="box1"), request("llm", host="box2"))
    scene.passes()
    assert scene.running() == {"box1": [], "box2": ["llm"]}
    may_go_on.set()

    assert scene.ended(prune) == {"box1": [""]}
    scene.passes()
    assert scene.running() == {"box1": ["db"], "box2": ["llm"]}


def test_a_look_from_before_the_removal_begins_nothing_after_it(scene: Scene) -> None:
    scene.asks(request("db", host="box1"), request("llm", host="box2"))
    scene.watch.look_now()
    scene.ended(scene.prunes("box1"))

    scene.loop.pass_once()

    assert eventually(lambda: not scene.loop.work.under_way)
    assert scene.running() == {"box1": [], "box2": ["llm"]}


def test_a_host_that_is_not_free_in_time_is_left_as_it_is(scene: Scene) -> None:
    may_end = threading.Event()
    begins(scene, lambda: cast(None, may_end.wait(10)))

    [error] = scene.ended(scene.prunes("box1", wait_s=0.0))["box1"]
    [kind] = [kind for kind, host, _ in scene.events() if host == "box1"]

    may_end.set()
    assert error == "what is in hand there has not ended in 0 s (create of chat); prune again later"
    assert (scene.has_data(), kind) == (True, "operation-failed")


def test_a_dry_run_removes_nothing_and_exactly_what_it_found_goes_then(scene: Scene) -> None:
    planned = scene.prunes("box1", dry_run=True)
    assert scene.ended(planned) == {}
    assert [one.name for one in (planned().found or {})["box1"]] == [DATA]
    later = DATA.replace("0", "f")
    scene.links.engines["box1"].ensure_volume(
        later, {LABEL_CONTROLLER: scene.home.controller_id(), LABEL_DATA: "f123456789abcdef"}
    )
    assert scene.has_data()

    taken = scene.pruner.desk.carry_out(planned().prune_id, wait_s=9.0, author=ME)

    assert scene.ended(lambda: scene.pruner.desk.find(taken.prune_id)) == {"box1": [""]}
    assert set(scene.links.engines["box1"].stored) == {later}


def test_a_silent_host_is_named_and_disturbs_no_other(scene: Scene) -> None:
    scene.links.cut.add("box2")

    prune = scene.prunes("box1", "box2")

    assert scene.ended(prune) == {"box1": [""]}
    assert prune().unreachable == {"box2": "no route to host"}


def test_who_asked_and_what_came_of_it_are_events(scene: Scene) -> None:
    taken = scene.prunes("box1")
    scene.ended(taken)

    assert scene.events() == [
        ("request-accepted", None, f"prune {taken().prune_id}: box1"),
        ("operation-begun", "box1", "prune"),
        ("operation-finished", "box1", "prune: 1 removed"),
    ]


def test_a_controller_that_ends_leaves_the_rest_and_waits_for_nothing(scene: Scene) -> None:
    may_end = threading.Event()
    begins(scene, lambda: cast(None, may_end.wait(10)))
    prune = scene.prunes("box1")
    assert eventually(lambda: bool(prune().waiting))

    scene.pruner.stop()

    may_end.set()
    assert scene.ended(prune) == {"box1": ["the provisioner was stopped before it was removed"]}
    assert scene.has_data()


def test_a_measuring_run_waits_for_a_prune_unless_it_is_cancelled() -> None:
    gates, never, cancelled = HostGates(), threading.Event(), threading.Event()
    cancelled.set()
    with gates.alone("box1", within_s=0.0, stop=never):
        with pytest.raises(Interrupted), gates.inside("box1", cancelled):
            pass
        with gates.inside("box2", never):
            pass
    with gates.inside("box1", cancelled):
        pass


def test_nothing_is_removed_under_a_measuring_run(scene: Scene, tmp_path: Path) -> None:
    """It uses what the host has as it is, before a container of its own mentions it."""
    is_measuring, may_end = threading.Event(), threading.Event()

    def connection(wanted: Host, **_: Any) -> None:
        is_measuring.set()
        assert may_end.wait(10)
        raise ConnectionFailed(wanted.name, "the test ends here", failure=Failure.TERMINAL)

    workplace = Workplace(
        settings=scene.loop.charge.settings,
        hosts=scene.loop.charge.hosts,
        fleet=cast(Fleet, SimpleNamespace(connection=connection)),
        home=scene.home,
        provisioner="local",
        owner="ann",
        book=tmp_path / "footprints.yml",
        environment={},
        gates=scene.loop.work.gates,
    )
    order = Order(
        run_id="r-0",
        combination=Combination(realm="default", service="llm"),
        placement=Placement(spec=spec(), host="box1"),
        run_time_s=0.0,
        script=None,
    )

    def measure() -> None:
        with suppress(ConnectionFailed):
            workplace.measure(order, on_phase=lambda phase: None, stop=threading.Event())

    threading.Thread(target=measure, daemon=True).start()
    assert is_measuring.wait(10)
    prune = scene.prunes("box1", "box2")
    assert eventually(lambda: bool(prune().removed))
    assert (set(prune().removed), scene.has_data("box1")) == ({"box2"}, True)
    may_end.set()

    assert scene.ended(prune) == {"box1": [""], "box2": [""]}


def test_old_requests_are_forgotten_and_too_many_at_once_are_refused() -> None:
    desk = PruneDesk(lambda prune: None)

    def submit() -> str:
        return desk.submit(["box1"], with_written=False, dry_run=True, wait_s=0.0, author=ME).prune_id

    running = [submit() for _ in range(MOST_RUNNING)]
    with pytest.raises(TooMany):
        submit()
    with pytest.raises(RequestError, match="no dry run that has ended"):
        desk.carry_out(running[0], wait_s=0.0, author=ME)
    for prune_id in running:
        desk.change(prune_id, lambda now: Prune(prune_id=now.prune_id, hosts=now.hosts, is_ended=True))
    for _ in range(MOST_KEPT):
        newest = submit()
        desk.change(newest, lambda now: Prune(prune_id=now.prune_id, hosts=now.hosts, is_ended=True))
    with pytest.raises(UnknownPrune):
        desk.find(running[0])
