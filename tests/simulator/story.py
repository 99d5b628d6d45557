"""What one seed tells: hosts, strangers, and applies with the faults that strike during each; plain data."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ozwald.model.plan import InstanceKey
from ozwald.model.realm import Realm, ServiceDefinition
from ozwald.model.request import InstanceRequest
from ozwald.model.service import Attachment, Dependency, Healthcheck
from ozwald.planning.asking import Adding, Ask, Exactly, Removing, Same
from tests.builders import definition, port, realms, request

HOSTS = ("box1", "box2", "box3")
INSTANCES = {"db": "db", "web": "web", "llm": "llm", "job": "job", "job2": "job"}
KINDS = ("", "", "", "", "", "exits", "sick", "hangs", "missing")

BROKEN_CALLS = ("request lost", "answer lost", "answer late", "refused", "error", "no route", "link cut", "hung")
DEATHS = ("killed before", "killed meanwhile", "killed after")
BY_HAND = ("removes container", "stops container", "removes network", "reboots", "removes image", "takes the name")
DISK = ("disk: killed before", "disk: killed after", "disk: full")
STRIKES = (*BROKEN_CALLS * 2, *DEATHS * 4, *BY_HAND, *DISK, "ctrl-c", "ctrl-c")


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """How one service is defined at some time; `kind` is what becomes of its containers."""

    image: int = 1
    kind: str = ""
    level: int = 1
    memory_mib: int | None = None
    check: bool = False
    published: int | None = None
    needs: str = ""
    required: bool = True
    follows: bool = False
    networks: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One fault: the how-manieth call of the apply it strikes, or for the disk the how-manieth write."""

    number: int
    at: int
    kind: str
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One apply: the settings, what is asked for, and what goes wrong."""

    number: int
    services: tuple[tuple[str, Version], ...]
    ask: Ask
    limit: str = ""
    down: tuple[str, ...] = ()
    strikes: tuple[Strike, ...] = ()
    healed: bool = False

    def realms(self) -> Mapping[str, Realm]:
        return _realms(self.services)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Everything that happens. `strangers` are containers of others: host, name and published port."""

    seed: int
    hosts: tuple[str, ...]
    strangers: tuple[tuple[str, str, int | None], ...]
    steps: tuple[Step, ...]

    def without(self, numbers: Sequence[int]) -> "Story":
        """The same with these steps and strikes left out; they are numbered through."""
        steps = [
            replace(step, strikes=tuple(strike for strike in step.strikes if strike.number not in numbers))
            for step in self.steps
            if step.number not in numbers
        ]
        return replace(self, steps=tuple(steps))

    @property
    def numbers(self) -> list[int]:
        """What can be left out: every step but the last, every strike."""
        steps = [step.number for step in self.steps[:-1]]
        return steps + [strike.number for step in self.steps for strike in step.strikes]


def tell(seed: int) -> Story:
    """The story of a seed."""
    return _Teller(seed).story()


class _Teller:
    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.seed = seed
        self.count = 0
        self.asked: tuple[InstanceRequest, ...] | None = None
        self.hosts = HOSTS[: self.dice.choice((1, 2, 2, 3))]
        self.versions = {name: Version() for name in ("db", "web", "llm", "job")}

    def story(self) -> Story:
        strangers = tuple(self._strangers())
        steps = [self._step() for _ in range(self.dice.choice((1, 2, 2, 3, 4)))]
        return Story(seed=self.seed, hosts=self.hosts, strangers=strangers, steps=(*steps, self._last()))

    def _number(self) -> int:
        self.count += 1
        return self.count

    def _strangers(self) -> list[tuple[str, str, int | None]]:
        dice = self.dice
        found: list[tuple[str, str, int | None]] = [(host, "nginx", 80) for host in self.hosts[:1]]
        if dice.random() < 0.1:
            found.append((dice.choice(self.hosts), f"ozsvc--default--{dice.choice(list(INSTANCES))}", None))
        if dice.random() < 0.1:
            found.append((dice.choice(self.hosts), "theirs", dice.choice((8000, 8080))))
        return found

    def _step(self) -> Step:
        dice = self.dice
        if self.asked is None or dice.random() < 0.4:
            self.asked = self._requests()
        for name in self.versions:
            if dice.random() < 0.35:
                self.versions[name] = self._version(name)
        return Step(
            number=self._number(),
            services=tuple(self.versions.items()),
            ask=self._ask(self.asked),
            limit=dice.choice(self.hosts) if dice.random() < 0.1 else "",
            down=(dice.choice(self.hosts),) if dice.random() < 0.12 else (),
            strikes=tuple(self._strike() for _ in range(dice.choice((0, 1, 1, 1, 2, 3)))),
        )

    def _last(self) -> Step:
        healed = {name: replace(version, kind="") for name, version in self.versions.items()}
        if healed["web"].published == healed["llm"].published:
            healed["web"] = replace(healed["web"], published=None)
        requests = self._requests() if self.asked is None or self.dice.random() < 0.4 else self.asked
        return Step(number=self._number(), services=tuple(healed.items()), ask=Exactly(requests=requests), healed=True)

    def _version(self, name: str) -> Version:
        dice = self.dice
        return Version(
            image=dice.randint(1, 3),
            kind=dice.choice(KINDS),
            level=dice.randint(1, 2),
            memory_mib=dice.choice((None, 64, 128)),
            check=dice.random() < 0.4,
            published={"web": dice.choice((None, 8080, 8001)), "llm": dice.choice((8000, 8001, 8080))}.get(name),
            needs="db" if name == "web" and dice.random() < 0.6 else "",
            required=dice.random() < 0.7,
            follows=dice.random() < 0.5,
            networks=dice.choice((1, 1, 2)),
        )

    def _requests(self) -> tuple[InstanceRequest, ...]:
        dice = self.dice
        names = [name for name in INSTANCES if dice.random() < 0.55]
        if "web" in names and "db" not in names:
            names.append("db")
        return tuple(
            request(name, service=INSTANCES[name], host=dice.choice(self.hosts) if dice.random() < 0.3 else None)
            for name in names
        )

    def _ask(self, requests: tuple[InstanceRequest, ...]) -> Ask:
        dice = self.dice
        if not requests or dice.random() < 0.7:
            return Exactly(requests=requests)
        some = tuple(one for one in requests if dice.random() < 0.5) or requests
        keys = tuple(InstanceKey(realm=one.realm, name=one.name) for one in some)
        return dice.choice((Same(), Adding(requests=some), Removing(keys=keys)))

    def _strike(self) -> Strike:
        dice, kind = self.dice, self.dice.choice(STRIKES)
        at = dice.randint(0, 5) if kind in DISK else int(90 * dice.random() ** 1.5)
        return Strike(number=self._number(), at=at, kind=kind, seed=dice.randint(0, 999))


@lru_cache(maxsize=4096)
def _realms(services: tuple[tuple[str, Version], ...]) -> Mapping[str, Realm]:
    return realms(*(_definition(name, version) for name, version in services))


@lru_cache(maxsize=4096)
def _definition(name: str, version: Version) -> ServiceDefinition:
    values = {
        "image": image(name, version),
        "mem_limit": version.memory_mib * 1024**2 if version.memory_mib else None,
        "environment": {"LEVEL": str(version.level)},
        "networks": (Attachment(network="default"), Attachment(network="back"))[: version.networks],
        "depends_on": _dependencies(version),
        "ports": (port(80, version.published),) if version.published else (),
        "healthcheck": Healthcheck(test=("CMD", "true")) if version.check else None,
    }
    return definition(name, base={key: value for key, value in values.items() if value})


def _dependencies(version: Version) -> tuple[Dependency, ...]:
    if not version.needs:
        return ()
    return (Dependency(instance=version.needs, required=version.required, restart=version.follows),)


def image(name: str, version: Version) -> str:
    """The image of a version; what follows the dash is its fate."""
    return f"{name}:{version.image}" + (f"-{version.kind}" if version.kind else "")
