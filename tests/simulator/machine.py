"""One simulated host: a fake engine whose containers live by the clock, and on which faults strike at every call."""

import itertools
from collections.abc import Callable, Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from ozwald.errors import EngineError
from ozwald.model.container import LABEL_CONTROLLER, LABEL_INSTANCE, LABEL_REALM, ObservedContainer
from ozwald.model.plan import InstanceKey
from tests.builders import CONTROLLER
from tests.fakes.engine import FakeContainer, FakeEngine

SETTLE_S = 1.0
RESTART_S = 0.5
# Asked beside the plan; nothing depends on them here.
ASIDE = {"facts", "ping"}

Undo = Callable[[], None]


class Watch(Protocol):
    """Who is told of every call, and may let it fail."""

    def now(self) -> float: ...

    def before(self, machine: "Machine", method: str, argument: str) -> Undo | None:
        """May raise instead of letting the call take effect; what it returns is called after that, and may raise."""

    def after(self, machine: "Machine", method: str, argument: str) -> None: ...


@dataclass
class UnderWay:
    """A call that the engine goes on with though nobody waits for it any more; it ends after so many other calls."""

    method: str
    calls_left: int


class Fate:
    """What becomes of a container once it has been started; the tag of its image says which."""

    def __init__(self, container: FakeContainer, started_at: float) -> None:
        self.kind = str(container.config["Image"]).partition("-")[2]
        self.started_at = started_at
        self.has_check = container.health is not None
        self.comes_back = _restart_policy(container) not in ("", "no")

    def age_to(self, now: float, container: FakeContainer) -> None:
        age = now - self.started_at
        if age < SETTLE_S / 2:
            return
        if self.kind == "exits" or (self.kind == "sick" and not self.has_check):
            self._exit(container, age)
        elif self.has_check and self.kind != "hangs":
            container.health = "unhealthy" if self.kind == "sick" else "healthy"

    def has_proved(self, now: float, container: FakeContainer) -> bool:
        """Whether everybody would call it available."""
        if container.state != "running":
            return False
        return container.health == "healthy" if self.has_check else now - self.started_at >= SETTLE_S

    def _exit(self, container: FakeContainer, age: float) -> None:
        container.exit_code = 1
        container.state = "restarting" if self.comes_back else "exited"
        container.restart_count = int(age / RESTART_S) if self.comes_back else 0


class Machine(FakeEngine):
    """See `FakeEngine`; here containers have fates, ports are taken once, and `watch` is told of every call.

    `proved` are the ids of the containers that were available at some time, `seen` of those that the controller saw so,
    `harmed` of those that somebody broke.
    """

    def __init__(self, name: str, *, number: int, images: Set[str], watch: Watch) -> None:
        super().__init__(name, images=images, clock=watch.now)
        self._numbers = itertools.count(1000 * (number + 1))  # ids of two engines are never the same
        self._watch = watch
        self.fates: dict[str, Fate] = {}
        self.proved: set[str] = set()
        self.seen: set[str] = set()
        self.harmed: set[str] = set()
        self.under_way: dict[str, UnderWay] = {}
        self._lands = False
        self.on_start = self._begin_life

    def of(self, key: InstanceKey) -> list[FakeContainer]:
        """The containers that were made for an instance."""
        return [container for container in self.containers.values() if owner_of(container) == key]

    def age(self) -> None:
        """Lets happen what should have happened by now."""
        now = self._watch.now()
        for container in self.containers.values():
            if container.state not in ("running", "restarting") or container.id not in self.fates:
                continue
            fate = self.fates[container.id]
            fate.age_to(now, container)
            if container.id not in self.proved and fate.has_proved(now, container):
                self.proved.add(container.id)

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        return tuple(self._dated(found) for found in super().list_containers())

    def _dated(self, found: ObservedContainer) -> ObservedContainer:
        """Its status tells how long it runs, where that is short; three seconds there are SETTLE_S here."""
        if found.state != "running" or found.id not in self.fates:
            return found
        age = 3 * (self._watch.now() - self.fates[found.id].started_at) / SETTLE_S
        up = "Up Less than a second" if age < 1 else f"Up {int(age)} second{'s' if age >= 2 else ''}"
        return replace(found, status=f"{up}{found.status.removeprefix(found.state)}")

    def harm(self, container: FakeContainer) -> None:
        """Somebody breaks it: what it proved does not count any more."""
        self.harmed.add(container.id)
        self.proved.discard(container.id)

    def reboot(self, container: FakeContainer) -> None:
        """What a restart of the machine makes of a container."""
        if container.state not in ("running", "restarting"):
            return
        self.harmed.add(container.id)
        if container.id in self.fates and not self.fates[container.id].comes_back:
            container.state, container.exit_code = "exited", 255
        elif container.id in self.fates:
            container.health = "starting" if self.fates[container.id].has_check else None
            self._begin_life(container)

    @contextmanager
    def _call(self, method: str, argument: str = "") -> Iterator[None]:
        if method in ASIDE or self._lands:
            yield
            return
        failing = self._watch.before(self, method, argument)
        self._go_on_with_what_is_under_way(argument)
        self.age()
        if method == "start":
            self._refuse_taken_ports(self.containers.get(argument))
        yield
        self._watch.after(self, method, argument)
        if failing is not None:
            failing()

    def _go_on_with_what_is_under_way(self, argument: str) -> None:
        """An engine does one thing at a time to a container, so who asks about that one waits for it."""
        for container_id, call in list(self.under_way.items()):
            call.calls_left -= 1
            if call.calls_left <= 0 or container_id == argument:
                del self.under_way[container_id]
                self._land(call.method, container_id)

    def finish(self) -> None:
        """Ends everything that is under way."""
        for container_id, call in self.under_way.items():
            self._land(call.method, container_id)
        self.under_way.clear()

    def _land(self, method: str, container_id: str) -> None:
        if container_id not in self.containers:
            return
        options = {"force": True} if method == "remove" else {}
        self._lands = True
        try:
            if method == "start":
                self._refuse_taken_ports(self.containers[container_id])
            getattr(self, method)(container_id, **options)
        except EngineError:
            return
        finally:
            self._lands = False
        if method == "start":
            self._watch.after(self, method, container_id)

    def _begin_life(self, container: FakeContainer) -> None:
        container.restart_count = 0
        self.fates[container.id] = Fate(container, self._watch.now())

    def _refuse_taken_ports(self, starting: FakeContainer | None) -> None:
        if starting is None or starting.state == "running":
            return
        mine = ports_of(starting)
        for other in self.containers.values():
            if other is not starting and other.state == "running" and mine & ports_of(other):
                raise self._refusal("driver failed: port is already allocated", status=500)


def owner_of(container: FakeContainer) -> InstanceKey | None:
    """The instance that a container of ours was made for."""
    labels = container.config.get("Labels") or {}
    if labels.get(LABEL_CONTROLLER) != CONTROLLER:
        return None
    return InstanceKey(realm=labels[LABEL_REALM], name=labels[LABEL_INSTANCE])


def ports_of(container: FakeContainer) -> set[str]:
    """The host's ports that it publishes while it runs."""
    bindings = (container.config.get("HostConfig") or {}).get("PortBindings") or {}
    return {binding["HostPort"] for entries in bindings.values() for binding in entries if binding.get("HostPort")}


def _restart_policy(container: FakeContainer) -> str:
    policy = (container.config.get("HostConfig") or {}).get("RestartPolicy") or {}
    return str(policy.get("Name") or "")
