"""Ozwald's own code on a simulated fleet: one apply as the command line does it."""

import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

from ozwald.errors import ConnectionFailed, Failure, HostError
from ozwald.execution.carry_out import carry_out
from ozwald.execution.health import Patience
from ozwald.execution.intent import Intent, forget_restarts, intend, make_durable
from ozwald.execution.labels import Ownership
from ozwald.execution.steps import Result
from ozwald.execution.steps import Step as Told
from ozwald.model.history import Author
from ozwald.model.host import Host
from ozwald.model.settings import Settings
from ozwald.model.wanted import WantedSet
from ozwald.remote.fleet import Fleet, HostResults
from ozwald.state.home import DataFolder
from tests.builders import CONTROLLER, inventory
from tests.simulator.machine import SETTLE_S, Machine
from tests.simulator.scheduler import Scheduler, Turns
from tests.simulator.story import Step
from tests.simulator.world import World

T = TypeVar("T")
PATIENCE = Patience(
    settle_s=SETTLE_S, stall_s=6.0, timeout_s=20.0, poll_s=0.5, activity_s=2.0, max_restarts=2, port_s=4.0
)
PROVISIONER = "local"
ANN = Author(owner="ann", command="ozwald apply")


class Link:
    """A connection to a machine, of which only the engine counts."""

    def __init__(self, host: Host, machine: Machine) -> None:
        self.host = host
        self._machine = machine

    def engine(self) -> Machine:
        return self._machine


class Links:
    """See `ozwald.remote.fleet.Fleet`; the hosts are asked one after the other."""

    def __init__(self, world: World) -> None:
        self._world = world

    def map(self, hosts: Iterable[Host], work: Callable[[Any], T], **_: object) -> HostResults[T]:
        values: dict[str, T] = {}
        failures: dict[str, HostError] = {}
        for host in hosts:
            try:
                values[host.name] = work(self.connection(host))
            except HostError as error:
                failures[host.name] = error
        return HostResults(values=values, failures=failures)

    def connection(self, host: Host, **_: object) -> Link:
        if self._world.down.get(host.name, 0.0) > self._world.now():
            raise ConnectionFailed(host.name, "no route to host", failure=Failure.RETRYABLE)
        return Link(host, self._world.machines[host.name])


class Controller:
    """One data folder, and the applies made from it."""

    def __init__(self, folder: Path, world: World) -> None:
        self.home = DataFolder(folder)
        self.world = world
        self.inventory = inventory(*world.machines)
        self.intended: WantedSet | None = None
        self.fleet = cast(Fleet, Links(world))
        (folder / "controller-id").write_text(CONTROLLER)
        (folder / "fingerprint-key").write_text("ab" * 32)

    def intend(self, step: Step) -> Intent:
        """What an apply would do now."""
        return intend(
            step.ask,
            settings=self._settings(step),
            hosts=self._hosts(step),
            fleet=self.fleet,
            home=self.home,
            provisioner=PROVISIONER,
        )

    def apply(self, step: Step, life: Scheduler) -> list[Result]:
        """One apply, as the command line does it."""
        with self.home.changing(self._hosts(step)):
            intent = self._decide(step)
            results = carry_out(
                intent.plan,
                lambda name: self.fleet.connection(self.inventory.hosts[name]).engine(),
                ownership=Ownership(
                    provisioner=PROVISIONER, controller=CONTROLLER, generation=intent.wanted.generation, owner="ann"
                ),
                report=self._told,
                patience=PATIENCE,
                stop=threading.Event(),
                clock=life,
                pool=Turns(life),
            )
            if intent.wanted.restarts:
                forget_restarts(results, home=self.home, provisioner=PROVISIONER)
            return results

    def _decide(self, step: Step) -> Intent:
        """Plans, and writes down what is wanted; during that no host may be changed."""
        world = self.world
        world.is_planning = True
        intent = self.intend(step)
        self.intended = intent.wanted
        intent = make_durable(
            intent,
            settings=self._settings(step),
            fleet=self.fleet,
            home=self.home,
            provisioner=PROVISIONER,
            author=ANN,
            now=world.now,
        )
        world.is_planning = False
        world.allow_chosen_twins(intent.plan)
        world.actions = {(one.host or "", one.key): one.action for one in intent.plan.operations}
        return intent

    def _settings(self, step: Step) -> Settings:
        return Settings(path="settings.yml", inventory=self.inventory, realms=step.realms())

    def _hosts(self, step: Step) -> dict[str, Host]:
        return {name: host for name, host in self.inventory.hosts.items() if name == (step.limit or name)}

    def _told(self, told: Told) -> None:
        if told.text == "available":
            self.world.see_available(told.key, told.host)
        if self.world.note is not None:
            self.world.say(f"{told.host}: [{told.key}] {told.text}")
