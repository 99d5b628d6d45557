"""A loop on fake engines whose passes a test makes one by one."""

import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from ozwald.controller.board import Board
from ozwald.controller.charge import Charge
from ozwald.controller.desk import Desk
from ozwald.controller.leadership import elapsed
from ozwald.controller.loop import Loop
from ozwald.controller.watch import Watch
from ozwald.errors import ConnectionFailed, Failure, HostError
from ozwald.model.active import Status
from ozwald.model.history import Author
from ozwald.model.host import Host, Inventory
from ozwald.model.resources import HostResources, Listener
from ozwald.model.settings import Settings
from ozwald.planning.asking import Exactly
from ozwald.remote.fleet import Fleet, HostResults
from ozwald.state.home import DataFolder
from tests.builders import definition, depends_on, host, key, port, realms, request
from tests.execution.fleet import IMPATIENT
from tests.fakes.engine import FakeEngine

ME = Author(owner="ann", command="test")
SETTINGS = Settings(
    path="settings.yml",
    realms=realms(
        definition(
            "db",
            base={"image": "db:1", "environment": {"HUB_TOKEN": "of-the-hub-1234"}},
            profiles={"two": {"environment": {"N": "2"}}},
        ),
        definition("llm", base={"image": "llm:1"}),
        definition("bad"),
        definition("web", base={"image": "llm:1", "ports": (port(80, 8080),)}),
        definition("once", base={"image": "llm:1", "restart": "no", "environment": {"HUB_TOKEN": "of-the-hub-1234"}}),
        definition("app", base={"image": "llm:1", "depends_on": depends_on("db", restart=True)}),
    ),
    inventory=Inventory(hosts={name: host(name) for name in ("box1", "box2")}),
)


@dataclass
class Link:
    """A connection to a fake host."""

    host: Host
    fake: FakeEngine

    def engine(self) -> FakeEngine:
        return self.fake


@dataclass
class Links:
    """A fleet of fake hosts; those in `cut` cannot be reached."""

    engines: dict[str, FakeEngine]
    cut: set[str] = field(default_factory=set)
    made: dict[str, Link] = field(default_factory=dict)

    def connection(self, wanted: Host, **_: Any) -> Link:
        if wanted.name in self.cut:
            raise ConnectionFailed(wanted.name, "no route to host", failure=Failure.RETRYABLE)
        return self.made.setdefault(wanted.name, Link(wanted, self.engines[wanted.name]))

    def map(self, hosts: Iterable[Host], work: Callable[[Any], Any]) -> HostResults[Any]:
        values, failures = dict[str, Any](), dict[str, HostError]()
        for one in hosts:
            try:
                values[one.name] = work(self.connection(one))
            except HostError as error:
                failures[one.name] = error
        return HostResults(values=values, failures=failures)


class World:
    """A loop whose passes a test makes one by one."""

    def __init__(self, folder: Path, links: Links | None = None) -> None:
        self.home = DataFolder(folder)
        with self.home.changing([]):
            pass
        self.links = links or Links({name: FakeEngine(name, images=["db:1", "llm:1"]) for name in ("box1", "box2")})
        self.board = Board()
        charge = Charge(
            settings=SETTINGS, hosts=SETTINGS.inventory.hosts, home=self.home, provisioner="local", owner="ann"
        )
        self.slept_s = 0.0
        self.taken_ports: list[int] = []
        self.boots = {"box1": "one", "box2": "two"}
        self.watch = Watch(
            cast(Fleet, self.links),
            SETTINGS.inventory,
            SETTINGS.inventory.hosts,
            dice=random.Random(1),
            probe=lambda link: HostResources(
                host=link.host.name,
                observed_at=time.time(),
                boot_id=self.boots[link.host.name],
                listeners=tuple(Listener(protocol="tcp", address="0.0.0.0", port=one) for one in self.taken_ports),
            ),
            now=lambda: elapsed() + self.slept_s,
            aside=lambda work, name: work() if name.startswith("facts") else None,
        )
        self.loop = Loop(
            charge,
            cast(Fleet, self.links),
            self.board,
            dice=random.Random(1),
            patience=IMPATIENT,
            watch=self.watch,
        )
        self.desk = Desk(SETTINGS, self.home, "local", self.loop.wake)

    def asks(self, *instances: Any) -> None:
        self.desk.submit(
            Exactly(requests=tuple(request(one) if isinstance(one, str) else one for one in instances)), author=ME
        )

    def restarts(self, name: str) -> int:
        return self.desk.restart([key(name)], self.board.view.services, author=ME).generation

    def passes(self, count: int = 3) -> None:
        """Passes, each after what the one before began has ended."""
        for _ in range(count):
            self.watch.look_now()
            self.loop.pass_once()
            while self.loop.work.under_way:
                time.sleep(0.001)

    @property
    def statuses(self) -> dict[str, Status]:
        return {one.key.name: one.status for one in self.board.view.services}

    def running(self) -> dict[str, list[str]]:
        return {
            name: sorted(one.name.split("--")[-1] for one in engine.containers.values() if one.state == "running")
            for name, engine in self.links.engines.items()
        }
