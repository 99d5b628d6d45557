"""All that `intend` needs, around one data folder and fake engines."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from ozwald.errors import ConnectionFailed, Failure
from ozwald.execution.carry_out import carry_out
from ozwald.execution.health import Patience
from ozwald.execution.intent import Intent, intend, make_durable
from ozwald.execution.labels import Ownership
from ozwald.model.container import LABEL_INSTANCE
from ozwald.model.history import Author
from ozwald.model.host import Host
from ozwald.model.realm import Realm
from ozwald.model.request import InstanceRequest
from ozwald.model.settings import Settings
from ozwald.model.wanted import WantedSet
from ozwald.planning.asking import Ask, Exactly, Same
from ozwald.remote.command import CommandResult
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from ozwald.state.home import DataFolder
from ozwald.state.wanted import read_wanted, wanted_path, write_wanted
from tests.builders import definition, inventory, realms
from tests.fakes.engine import FakeEngine

AUTHOR = Author(owner="ann", command="ozwald apply")


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
