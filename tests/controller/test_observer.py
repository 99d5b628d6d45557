"""Each host is looked at in a thread of its own, woken by its events, and one that hangs counts as silent."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from ozwald.controller.observer import HUNG_S, LOOK_EVERY_S, NO_ANSWER, NOT_YET, Observer
from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.resources import HostResources, Listener
from ozwald.remote.fleet import Fleet
from tests.builders import host
from tests.fakes.engine import FakeEngine
from tests.waiting import eventually

OURS = {"Image": "db:1", "Labels": {"ozwald.controller": "c"}}


@dataclass
class Box:
    """A host whose connection may be lost, and an observer of it."""

    engine_: FakeEngine = field(default_factory=lambda: FakeEngine("box1", images=["db:1"]))
    is_cut: bool = False
    boot_id: str = "one"
    probes: int = 0
    listeners: tuple[Listener, ...] = ()
    hangs: threading.Event | None = None
    moment: float = 100.0
    news: int = 0
    during_probe: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.link = Link(self)
        self.observer = Observer(
            host("box1"),
            cast(Fleet, self),
            on_news=self.told,
            dice=random.Random(1),
            probe=self.probe,
            now=lambda: self.moment,
        )

    def told(self) -> None:
        self.news += 1

    def connection(self, _: object) -> Any:
        if self.is_cut:
            raise ConnectionFailed("box1", "no route to host", failure=Failure.RETRYABLE)
        return self.link

    def probe(self, _: object) -> HostResources:
        self.probes += 1
        self.during_probe()
        return HostResources(host="box1", observed_at=time.time(), boot_id=self.boot_id, listeners=self.listeners)

    def reboots(self) -> None:
        self.boot_id, self.link = "two", Link(self)


@dataclass
class Link:
    """A connection to the box."""

    box: Box

    def engine(self) -> FakeEngine:
        if self.box.hangs is not None:
            self.box.hangs.wait(10)
        return self.box.engine_

    def is_open(self) -> bool:
        return True


@pytest.fixture
def box() -> Iterator[Box]:
    made = Box()
    yield made
    made.observer.end()


def test_before_the_first_look_nothing_is_known(box: Box) -> None:
    assert box.observer.problem() == NOT_YET


def test_a_look_shows_containers_and_hardware(box: Box) -> None:
    made = box.engine_.create("ozsvc--r--db", OURS)
    box.observer.look_now()

    seen = box.observer.look.observation
    assert seen is not None
    assert [one.id for one in seen.containers] == [made]
    assert seen.resources.boot_id == "one"
    assert box.observer.problem() == ""


def test_what_was_seen_is_kept_while_the_host_is_silent(box: Box) -> None:
    box.observer.look_now()
    before = box.observer.look
    box.is_cut = True
    box.observer.look_now()

    assert box.observer.problem() == "no route to host"
    assert box.observer.look.observation == before.observation
    assert box.observer.look.begun_at == before.begun_at


def test_a_look_that_hangs_makes_the_host_silent_and_ends_well(box: Box) -> None:
    box.observer.look_now()
    box.hangs = threading.Event()
    hanging = threading.Thread(target=box.observer.look_now)
    hanging.start()
    assert eventually(lambda: box.observer.hangs_at() is not None)
    assert box.observer.problem() == ""
    assert box.observer.hangs_at() == 100.0 + HUNG_S

    box.moment += HUNG_S
    assert box.observer.problem() == NO_ANSWER

    box.hangs.set()
    hanging.join()
    assert box.observer.problem() == ""


def test_a_new_connection_has_the_hardware_looked_at_again(box: Box) -> None:
    box.observer.look_now()
    box.observer.look_now()
    assert box.probes == 1

    box.reboots()
    box.observer.look_now()

    assert eventually(lambda: cast(Any, box.observer.look.observation).resources.boot_id == "two")
    assert box.probes == 2


def test_a_port_is_free_as_soon_as_the_container_that_published_it_is_gone(box: Box) -> None:
    engine_s, ssh_s = (Listener(protocol="tcp", address="0.0.0.0", port=port, user="root") for port in (8080, 22))
    box.listeners = (ssh_s, engine_s)
    made = box.engine_.create("ozsvc--r--db", {**OURS, **publishing(8080)})
    box.engine_.start(made)
    box.observer.look_now()
    assert listeners(box) == (ssh_s, engine_s)

    box.engine_.remove(made, force=True)
    box.observer.look_now()

    assert listeners(box) == (ssh_s,)
    assert box.probes == 1


def test_a_port_that_was_given_away_while_the_hardware_was_looked_at_is_free(box: Box) -> None:
    engine_s = Listener(protocol="tcp", address="0.0.0.0", port=8080, user="root")
    box.listeners = (engine_s,)
    made = box.engine_.create("ozsvc--r--db", {**OURS, **publishing(8080)})
    box.engine_.start(made)
    box.observer.look_now()

    def gone_meanwhile() -> None:
        box.engine_.remove(made, force=True)
        box.during_probe = lambda: None
        box.observer.look_now()

    box.during_probe = gone_meanwhile
    box.observer.forget_facts()
    box.observer.look_now()

    assert eventually(lambda: box.probes == 2 and listeners(box) == ())


def publishing(port: int) -> dict[str, Any]:
    return {"HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(port)}]}}}


def listeners(box: Box) -> tuple[Listener, ...] | None:
    return cast(Any, box.observer.look.observation).resources.listeners  # type: ignore[no-any-return]


def test_an_event_has_the_host_looked_at_at_once_and_wakes_the_loop(box: Box) -> None:
    made = box.engine_.create("ozsvc--r--db", OURS)
    threading.Thread(target=box.observer.run, daemon=True).start()
    assert eventually(lambda: bool(box.engine_._followers))
    assert eventually(lambda: _state(box) == "created")
    news = box.news

    box.engine_.start(made)

    assert eventually(lambda: _state(box) == "running")
    assert eventually(lambda: box.news > news)


def test_a_stream_of_events_that_takes_the_last_session_is_given_up(box: Box) -> None:
    box.observer.look_now()
    assert eventually(lambda: box.observer._events is not None)
    box.engine_.fail("list_containers")
    box.observer.look_now()

    assert eventually(lambda: not box.observer._is_following)
    box.moment += LOOK_EVERY_S
    box.observer.look_now()
    assert len(box.engine_._followers) == 1


def test_a_look_that_shows_nothing_new_wakes_nobody(box: Box) -> None:
    box.observer.look_now()
    news = box.news

    box.observer.look_now(is_asked=False)

    assert box.news == news


def _state(box: Box) -> str:
    seen = box.observer.look.observation
    return seen.containers[0].state if seen and seen.containers else ""
