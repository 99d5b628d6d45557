"""The hosts of one story: strikes what the story says at every call, and holds what may never happen."""

import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from ozwald.errors import ConnectionFailed, EngineError, Failure
from ozwald.model.container import container_name
from ozwald.model.plan import Action, InstanceKey, Plan
from tests.fakes.engine import FakeContainer
from tests.simulator.machine import Machine, UnderWay, Undo, owner_of
from tests.simulator.scheduler import Scheduler
from tests.simulator.story import INSTANCES, Story, Strike

CHANGES = {
    "create",
    "connect",
    "start",
    "stop",
    "remove",
    "rename",
    "update",
    "ensure_network",
    "ensure_volume",
    "pull",
}
BY_ID = {"connect", "start", "stop", "remove", "rename", "update"}
# What an engine takes time for, which others that ask about the container wait for.
GO_ON = {"start", "stop", "remove"}
CUT_S = 30.0
HUNG_S = 15.0

IMAGES = frozenset(
    f"{name}:{n}{fate}" for name in INSTANCES for n in (1, 2, 3) for fate in ("", "-exits", "-sick", "-hangs")
)
PULLED = frozenset(name for name in IMAGES if ":3" in name)


@dataclass(frozen=True)
class Stranger:
    """What somebody else's container was, which it has to stay."""

    host: str
    container: FakeContainer
    state: str
    name: str

    @property
    def is_untouched(self) -> bool:
        return (self.container.state, self.container.name) == (self.state, self.name)


class World:
    """See the module. `life` is the controller's, as long as one lives; `note` hears of everything."""

    def __init__(self, story: Story, note: Callable[[str], None] | None) -> None:
        self.note = note
        self.time = 0.0
        self.life: Scheduler | None = None
        self.is_planning = False
        self.actions: Mapping[tuple[str, InstanceKey], Action] = {}
        self.may_be_twice: set[InstanceKey] = set()
        self.down: dict[str, float] = {}
        self.broken = False
        self._calls = 0
        self._strikes: dict[int, Strike] = {}
        self.machines = {
            host: Machine(host, number=number, images=IMAGES - PULLED, watch=self)
            for number, host in enumerate(story.hosts)
        }
        for machine in self.machines.values():
            machine.registry = {reference: f"sha256:{reference}" for reference in sorted(IMAGES)}
        self.strangers: list[Stranger] = []
        for stranger in story.strangers:
            self.add_stranger(*stranger)

    def now(self) -> float:
        return self.life.time if self.life is not None else self.time

    def expect(self, strikes: Iterable[Strike], down: Iterable[str]) -> None:
        """Prepares what will go wrong during the next apply."""
        self._calls = 0
        self.broken = any(machine.under_way for machine in self.machines.values())
        self._strikes = {strike.at: strike for strike in strikes}
        self.down = dict.fromkeys(down, float("inf"))
        for machine in self.machines.values():
            machine.harmed.clear()
            machine.seen = set(machine.proved)

    def before(self, machine: Machine, method: str, argument: str) -> Undo | None:
        if self.life is None:
            return None
        self.life.call()
        strike = self._strikes.pop(self._calls, None)
        self._calls += 1
        failing = self._strike(strike, machine, method, argument) if strike is not None else None
        if self.down.get(machine.host_name, 0.0) > self.now():
            raise ConnectionFailed(machine.host_name, "no route to host", failure=Failure.RETRYABLE)
        if method in CHANGES:
            self._check_change(machine, method, argument)
        self._tell(machine, method, argument)
        return failing

    def after(self, machine: Machine, method: str, argument: str) -> None:
        if method == "start" and self.life is not None:
            key = owner_of(machine.containers[argument])
            if key is not None:
                self._check_twins(key)

    def allow_chosen_twins(self, plan: Plan) -> None:
        """Who pins an instance elsewhere while its host does not answer has chosen two of them."""
        for one in plan.operations:
            homes = {host for host, _ in self.containers(one.key)}
            if one.action is Action.CREATE and homes & set(plan.unreachable):
                self.may_be_twice.add(one.key)

    def containers(self, key: InstanceKey) -> list[tuple[str, FakeContainer]]:
        """An instance's containers on all hosts."""
        return [(host, found) for host, machine in self.machines.items() for found in machine.of(key)]

    def available(self) -> set[InstanceKey]:
        """The instances that have an available container."""
        found = set()
        for machine in self.machines.values():
            machine.age()
            for container in machine.containers.values():
                key = owner_of(container)
                if (
                    key
                    and container.id in machine.proved
                    and machine.fates[container.id].has_proved(self.now(), container)
                ):
                    found.add(key)
        return found

    def add_stranger(self, host: str, name: str, published: int | None = None) -> None:
        """Somebody starts a container of their own."""
        machine, life = self.machines[host], self.life
        self.life = None
        config: dict[str, object] = {"Image": "db:1"}
        if published is not None:
            config["HostConfig"] = {"PortBindings": {f"{published}/tcp": [{"HostPort": str(published)}]}}
        created = machine.create(name, config)
        machine.start(created)
        self.life = life
        container = machine.containers[created]
        self.strangers.append(Stranger(host, container, container.state, container.name))

    def see_available(self, key: InstanceKey, host: str) -> None:
        """The controller says that an instance is available."""
        machine = self.machines[host]
        machine.seen |= {container.id for container in machine.of(key) if container.state == "running"}

    def say(self, text: str) -> None:
        if self.note is not None:
            self.note(f"{self.now():8.1f}  {text}")

    def _strike(self, strike: Strike, machine: Machine, method: str, argument: str) -> Undo | None:
        """Does what the strike says now, or returns what it does once the call has taken effect."""
        assert self.life is not None
        self.say(f"{machine.host_name}: #{strike.number} {strike.kind.upper()} at {method}")
        host, kind = machine.host_name, strike.kind
        match kind:
            case "killed before":
                self.life.kill()
            case "killed meanwhile":
                self._let_go_on(strike, machine, method, argument)
                self.life.kill()
            case "answer late":
                self._let_go_on(strike, machine, method, argument)
                return self._break_off(strike, host)
            case "killed after":
                return self.life.kill
            case "ctrl-c":
                self.life.interrupt()
                return None
            case "request lost" | "answer lost" | "hung" | "link cut":
                return self._break_off(strike, host)
            case "refused":
                raise EngineError(host, "refused", failure=Failure.RETRYABLE)
            case "error":
                raise EngineError(host, "said no", failure=Failure.TERMINAL, status=500)
            case "no route":
                raise ConnectionFailed(host, "no route", failure=Failure.RETRYABLE)
            case _:
                self.broken = True
                BY_HAND[kind](self, machine, random.Random(strike.seed))
        return None

    def _let_go_on(self, strike: Strike, machine: Machine, method: str, argument: str) -> None:
        if method in GO_ON and argument in machine.containers:
            self._check_change(machine, method, argument)
            machine.under_way[argument] = UnderWay(method, strike.seed % 20)

    def _break_off(self, strike: Strike, host: str) -> Undo | None:
        assert self.life is not None
        self.broken = True
        if strike.kind == "hung":
            self.life.sleep(HUNG_S)
        if strike.kind == "link cut":
            self.down[host] = self.now() + CUT_S * (strike.seed % 3)

        def lost() -> None:
            raise EngineError(host, "the answer broke off", failure=Failure.UNKNOWN)

        if strike.kind == "answer lost" or (strike.kind not in ("request lost", "answer late") and strike.seed % 2):
            return lost
        lost()
        return None

    def _check_change(self, machine: Machine, method: str, argument: str) -> None:
        assert self.life is not None
        if self.is_planning:
            self.life.fail(f"{machine.host_name}: planning calls {method}({argument})")
        container = machine.containers.get(argument) if method in BY_ID else None
        if container is None:
            return
        key = owner_of(container)
        if key is None:
            self.life.fail(f"{machine.host_name}: {method} on {container.name}, which is not ours")
        elif method == "remove":
            self._check_loss(machine, container, key)

    def _check_loss(self, machine: Machine, container: FakeContainer, key: InstanceKey) -> None:
        """What was seen available is removed only once another one has, or to go back to an older one that had."""
        assert self.life is not None
        action = self.actions.get((machine.host_name, key))
        if container.id not in machine.seen or action not in (Action.REPLACE, Action.START):
            return
        others = [other for other in machine.of(key) if other.id in machine.proved and other is not container]
        serves = any(other.state == "running" or other.id < container.id for other in others)
        if not serves and not machine.harmed:
            self.life.fail(f"{machine.host_name}: {container.name} is removed and nothing has taken its place")

    def _check_twins(self, key: InstanceKey) -> None:
        assert self.life is not None
        running = [host for host, found in self.containers(key) if found.state in ("running", "restarting")]
        if len(running) > 1 and not (key in self.may_be_twice and len(set(running)) == len(running)):
            self.life.fail(f"{key} runs twice: on {' and '.join(running)}")

    def _tell(self, machine: Machine, method: str, argument: str) -> None:
        if self.note is not None:
            container = machine.containers.get(argument)
            what = f"{container.name} ({argument[8:12]}, {container.state})" if container else argument
            self.say(f"{machine.host_name}: {method} {what}")


def _remove_container(world: World, machine: Machine, dice: random.Random) -> None:
    if (container := _one_of_ours(machine, dice)) is not None:
        machine.harm(container)
        del machine.containers[container.id]


def _stop_container(world: World, machine: Machine, dice: random.Random) -> None:
    if (container := _one_of_ours(machine, dice)) is not None:
        machine.harm(container)
        container.state = "exited"


def _remove_network(world: World, machine: Machine, dice: random.Random) -> None:
    """An engine refuses to remove a network that a running container is in."""
    in_use = {name for found in machine.containers.values() if found.state == "running" for name in found.networks}
    unused = sorted(name for name in machine.network_labels if name.startswith("oznet") and name not in in_use)
    if unused:
        del machine.network_labels[dice.choice(unused)]


def _remove_image(world: World, machine: Machine, dice: random.Random) -> None:
    del machine.images[dice.choice(sorted(machine.images))]


def _reboot(world: World, machine: Machine, dice: random.Random) -> None:
    for container in machine.containers.values():
        if owner_of(container):
            machine.reboot(container)


def _take_a_name(world: World, machine: Machine, dice: random.Random) -> None:
    name = container_name("default", dice.choice(list(INSTANCES)))
    if all(found.name != name for found in machine.containers.values()):
        world.add_stranger(machine.host_name, name)


def _one_of_ours(machine: Machine, dice: random.Random) -> FakeContainer | None:
    ours = [container for container in machine.containers.values() if owner_of(container)]
    return dice.choice(ours) if ours else None


# What somebody does on a host in the middle of an apply.
BY_HAND = {
    "removes container": _remove_container,
    "stops container": _stop_container,
    "removes network": _remove_network,
    "removes image": _remove_image,
    "reboots": _reboot,
    "takes the name": _take_a_name,
}
