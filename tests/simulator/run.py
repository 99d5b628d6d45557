"""Runs a story and checks after each apply what has to be true then."""

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from unittest.mock import patch

from ozwald.errors import OzwaldError
from ozwald.execution import observe
from ozwald.execution.instance import PORT_TAKEN
from ozwald.execution.steps import Result
from ozwald.model.container import container_name
from ozwald.model.plan import Action, InstanceKey
from ozwald.model.resources import HostResources
from ozwald.model.wanted import WantedSet
from ozwald.planning.asking import Adding, Exactly, Removing, Same
from ozwald.remote.connection import HostConnection
from ozwald.state.wanted import read_wanted, wanted_path
from tests.simulator.controller import PROVISIONER, Controller
from tests.simulator.disk import faulty_disk
from tests.simulator.machine import SETTLE_S
from tests.simulator.scheduler import Killed, Scheduler, Wrong
from tests.simulator.story import DISK, Step, Story, Version
from tests.simulator.world import World

# What an apply has to bear without anybody noticing, if it is all that happens.
HARMLESS = ("refused", "error", "no route", "ctrl-c", "disk: full")
MEMORY = Path("/dev/shm")


def run(story: Story, note: Callable[[str], None] | None = None) -> None:
    """Lets the story happen.

    Raises:
        Wrong: something happened that never may, or did not happen that has to.
    """
    folder = Path(tempfile.mkdtemp(prefix="ozwald-simulator-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        with patch.object(observe, "probe", _known_hardware):
            _Run(story, folder, note).go()
    finally:
        shutil.rmtree(folder)


class _Run:
    def __init__(self, story: Story, folder: Path, note: Callable[[str], None] | None) -> None:
        self.story = story
        self.world = World(story, note)
        self.controller = Controller(folder, self.world)

    def go(self) -> None:
        for step in self.story.steps:
            self.world.say(f"--- step #{step.number} {_brief(step)}")
            self._apply(step)

    def _apply(self, step: Step) -> None:
        world, before = self.world, self._stored()
        serving = world.available()
        if step.healed:
            self._heal()
        world.expect([strike for strike in step.strikes if strike.kind not in DISK], step.down)
        results, ended = self._live(step)
        self._check_stored(before, step, ended)
        self._check_strangers()
        self._check_served(serving, step, results or [])
        if step.healed and ended != "done":
            raise Wrong(f"the last apply failed: {ended}")
        if results is not None:
            self._check_results(step, results)

    def _live(self, step: Step) -> tuple[list[Result] | None, str]:
        """One life of a controller: what it did, and how it ended."""
        world = self.world
        life = world.life = Scheduler(random.Random(self.story.seed * 1000 + step.number), now=world.time)
        results, ended = None, "done"
        try:
            with faulty_disk(world, [strike for strike in step.strikes if strike.kind in DISK]):
                results = self.controller.apply(step, life)
        except Killed:
            ended = "killed"
        except KeyboardInterrupt:
            ended = "interrupted"
        except OzwaldError as error:
            ended = f"{type(error).__name__}: {error}"
        except Exception as error:
            raise Wrong(f"{type(error).__name__}: {error}; this is a mistake in ozwald") from error
        world.time, world.life, world.is_planning = life.time, None, False
        world.say(f"--- {ended}")
        if life.wrong is not None:
            raise life.wrong
        return results, ended

    def _stored(self) -> WantedSet | None:
        return read_wanted(wanted_path(self.controller.home, PROVISIONER))

    def _heal(self) -> None:
        """The strangers that are in the way go, every image can be had again, and nothing is under way any more."""
        for machine in self.world.machines.values():
            machine.finish()
        for stranger in self.world.strangers:
            if stranger.name != "nginx":
                self.world.machines[stranger.host].containers.pop(stranger.container.id, None)
        self.world.strangers = [one for one in self.world.strangers if one.name == "nginx"]

    def _check_stored(self, before: WantedSet | None, step: Step, ended: str) -> None:
        """The wanted set is whole: what it was, or what it was to be; once an apply is over, that.

        Restarts that are owed are forgotten as soon as they are done.
        """
        try:
            stored = self._stored()
        except OzwaldError as error:
            raise Wrong(f"the wanted set is not whole: {error}") from error
        intended = self.controller.intended
        was, now, to_be = (replace(one, restarts=()) if one else None for one in (before, stored, intended))
        if now not in (was, to_be) or (ended == "done" and now != to_be):
            raise Wrong(f"wanted should be {intended}, it is {stored}")

    def _check_strangers(self) -> None:
        for stranger in self.world.strangers:
            here = self.world.machines[stranger.host].containers
            if here.get(stranger.container.id) is not stranger.container or not stranger.is_untouched:
                raise Wrong(f"{stranger.host}: {stranger.name}, which is not ours, was changed")

    def _check_served(self, serving: set[InstanceKey], step: Step, results: list[Result]) -> None:
        """One refusal, Ctrl-C or full disk takes nothing away that was there and stays wanted.

        Of two that swap their ports, one may have taken the other's for good when that one fails.
        """
        world = self.world
        harmless = all(strike.kind in HARMLESS for strike in step.strikes)
        if world.broken or len(step.strikes) > 1 or not harmless:
            return
        world.time += 2 * SETTLE_S
        stored = self._stored()
        kinds = {name: version.kind for name, version in step.services}
        leaving = {key for (_, key), action in world.actions.items() if action is Action.STOP}
        asked = stored.instances if stored else ()
        # A version that fails by itself is one thing that goes wrong already.
        staying = {one.key for one in asked if not (step.strikes and kinds[one.request.service])}
        swapped = {one.operation.key for one in results if PORT_TAKEN in one.error}
        lost = (serving & staying) - leaving - swapped - world.available()
        if lost:
            raise Wrong(f"{', '.join(map(str, sorted(lost)))} was available before this apply and is not after it")

    def _check_results(self, step: Step, results: list[Result]) -> None:
        failed = [f"{one.operation.key}: {one.error}" for one in results if not one.is_done]
        if any("mistake in ozwald" in error for error in failed):
            raise Wrong("; ".join(failed))
        if step.healed and failed:
            raise Wrong(f"the last apply failed: {'; '.join(failed)}")
        if step.healed:
            self._check_exactly(step)
        if not step.strikes and not step.down and not failed and not self.world.broken:
            self._check_settled(step)

    def _check_exactly(self, step: Step) -> None:
        there = sorted(
            (found.name, found.state)
            for machine in self.world.machines.values()
            for found in machine.containers.values()
            if found.name.startswith("ozsvc")
        )
        assert isinstance(step.ask, Exactly)
        wanted = sorted((container_name(one.realm, one.name), "running") for one in step.ask.requests)
        if there != wanted:
            raise Wrong(f"there should be {wanted}, there is {there}")
        # What a kill left beside a file goes when that one is written again, so there is never a second.
        unfinished = Counter(path.parent.name for path in self.controller.home.path.rglob(".*"))
        if any(count > 1 for count in unfinished.values()):
            raise Wrong(f"the data folder fills with {unfinished}")

    def _check_settled(self, step: Step) -> None:
        asked = step if isinstance(step.ask, Exactly) else replace(step, ask=Same())
        again = self.controller.intend(asked)
        if again.plan.changes or again.plan.blocked:
            raise Wrong(f"an apply leaves something to change: {again.plan.changes or again.plan.blocked}")
        if again.wanted.leaving and not step.limit:
            raise Wrong(f"something is still leaving: {again.wanted.leaving}")


def _brief(step: Step) -> str:
    match step.ask:
        case Exactly(requests=requests) | Adding(requests=requests):
            asked = " ".join(f"{one.name}@{one.host or '*'}" for one in requests)
        case Removing(keys=keys):
            asked = " ".join(map(str, keys))
        case Same():
            asked = ""
    limit = f" --limit {step.limit}" if step.limit else ""
    down = f"\n    down: {', '.join(step.down)}" if step.down else ""
    services = "".join(f"\n    {name}: {_told(version)}" for name, version in step.services)
    return f"apply {type(step.ask).__name__.lower()} {asked}{limit}{down}{services}"


def _told(version: Version) -> str:
    return ", ".join(f"{field.name} {value}" for field in fields(version) if (value := getattr(version, field.name)))


def _known_hardware(connection: HostConnection) -> HostResources:
    """What the hosts have is not what is simulated, and looking would take most of the time."""
    return HostResources(host=connection.host.name, observed_at=0.0)
