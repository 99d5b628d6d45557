"""A Docker Engine in memory; `tests/remote/test_engine_conformance.py` holds it against a real one."""

import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from ozwald.errors import EngineError, Failure, HostError
from ozwald.model.belongings import ObservedNetwork, ObservedVolume
from ozwald.model.container import (
    LABEL_CONTROLLER,
    Activity,
    ContainerDetails,
    ContainerState,
    ObservedContainer,
    ObservedImage,
    ObservedPort,
)
from ozwald.model.resources import DockerFacts
from ozwald.remote.command import Stream
from ozwald.remote.container_config import update_body
from ozwald.remote.container_details import details
from ozwald.remote.engine import PULL_S, ContainerEvent, Limits, LogPiece, NameTaken, PullProgress


@dataclass
class FakeContainer:
    """One container; a test may change any of it, as the world would."""

    id: str
    name: str
    config: Mapping[str, Any]
    image_id: str
    created_at: float
    state: str = "created"
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    restart_count: int = 0
    starts: int = 0
    health: str | None = None
    health_output: str = ""
    log: bytes = b""
    activity: Activity = field(default_factory=Activity)
    networks: dict[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class FakeVolume:
    """One volume; `received` are the archives that were unpacked into it, the last one maybe cut short."""

    labels: Mapping[str, str] = field(default_factory=dict)
    created_at: float = 0.0
    received: list[bytes] = field(default_factory=list)


@dataclass
class Fault:
    """What happens to the next calls of one method; `after` lets them take effect before they fail."""

    error: HostError
    times: int
    after: bool


@dataclass(frozen=True)
class ExecOutcome:
    """What a command in a container writes, and how it ends."""

    exit_code: int = 0
    stdout: bytes = b""
    stderr: bytes = b""


class FakeExec:
    """See `ozwald.remote.engine.Exec`. The command happens when its input has ended or its output is asked for."""

    def __init__(self, act: Callable[[Sequence[str], bytes], ExecOutcome], words: Sequence[str]) -> None:
        self._act, self._words, self._given = act, words, b""
        self._outcome: ExecOutcome | None = None
        self._unread: list[tuple[Stream, bytes]] = []

    def read(self) -> tuple[Stream, bytes] | None:
        if self._outcome is None:
            self._outcome = self._act(self._words, self._given)
            written: list[tuple[Stream, bytes]] = [("stdout", self._outcome.stdout), ("stderr", self._outcome.stderr)]
            self._unread = [(stream, content) for stream, content in written if content]
        return self._unread.pop(0) if self._unread else None

    def write(self, content: bytes) -> None:
        self._given += content

    def close_input(self) -> None:
        return

    def resize(self, rows: int, columns: int) -> None:
        return

    def pid(self) -> int | None:
        return None if self._outcome else 4711

    def exit_code(self) -> int:
        return self._outcome.exit_code if self._outcome else 0

    def close(self) -> None:
        return


class FakeLog:
    """See `ozwald.remote.engine.LogStream`. All is stdout; each line came a nanosecond after the one before."""

    def __init__(self, container: FakeContainer, *, tail: int | None, since_ns: int, wait: bool) -> None:
        self._container, self._wait, self._since_ns = container, wait, since_ns
        self._begun_ns = int(container.created_at * 1e9)
        count = len(self._lines())
        self._next = 0 if tail is None else max(0, count - tail)
        self._closed = threading.Event()

    def read(self) -> list[LogPiece]:
        while not self._closed.is_set():
            is_over = not self._wait or self._container.state != "running"
            lines = self._lines()
            pieces = [
                LogPiece(self._begun_ns + number, "stdout", lines[number]) for number in range(self._next, len(lines))
            ]
            self._next = len(lines)
            pieces = [piece for piece in pieces if piece.at_ns >= self._since_ns]
            if pieces or is_over:
                return pieces
            self._closed.wait(0.005)
        return []

    def close(self) -> None:
        self._closed.set()

    def _lines(self) -> list[bytes]:
        return self._container.log.splitlines(keepends=True)


class FakeEvents:
    """See `ozwald.remote.engine.EventStream`."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[ContainerEvent | None] = queue.SimpleQueue()

    def add(self, event: ContainerEvent) -> None:
        """Something has happened."""
        self._queue.put(event)

    def read(self) -> list[ContainerEvent]:
        event = self._queue.get()
        if event is None:
            self._queue.put(None)
            return []
        return [event]

    def close(self) -> None:
        self._queue.put(None)


class FakeEngine:
    """See `ozwald.remote.engine.Engine`.

    `containers`, `images` (reference to id), `registry` (what a pull can find), `network_labels` and `stored`
    (volumes by name) are the world; `calls` is every call as (method, first argument). `on_start` is called with
    each container that starts and may change it: crash it, give it a health, a log.
    """

    def __init__(
        self,
        host_name: str = "box1",
        *,
        images: Iterable[str] = (),
        clock: Callable[[], float] | None = None,
    ) -> None:
        self.host_name = host_name
        self.images: dict[str, str] = {reference: f"sha256:{reference}" for reference in images}
        self.registry: dict[str, str] = {}
        self.containers: dict[str, FakeContainer] = {}
        self.network_labels: dict[str, dict[str, str]] = {"bridge": {}, "host": {}, "none": {}}
        self.stored: dict[str, FakeVolume] = {}
        self.archives: list[tuple[str, str, bytes]] = []
        self.calls: list[tuple[str, str]] = []
        self.on_start: Callable[[FakeContainer], None] | None = None
        self.on_exec: Callable[[Sequence[str], bytes], ExecOutcome] = lambda words, given: ExecOutcome()
        self._followers: list[FakeEvents] = []
        self._faults: dict[str, list[Fault]] = {}
        self._clock = clock or (lambda: 0.0)
        self._numbers = itertools.count(1)
        self._lock = threading.RLock()

    def fail(self, method: str, error: HostError | None = None, *, times: int = 1, after: bool = False) -> None:
        """Makes the next `times` calls of a method fail; by default with a lost answer."""
        lost = EngineError(self.host_name, f"{method}: the answer broke off", failure=Failure.UNKNOWN)
        self._faults.setdefault(method, []).append(Fault(error or lost, times, after))

    def named(self, name: str) -> FakeContainer:
        """The container of that name; raises KeyError."""
        return next((c for c in self.containers.values() if c.name == name), None) or _missing(name)

    def exit(self, name: str, exit_code: int = 1, *, oom_killed: bool = False) -> None:
        """Ends a container's process."""
        container = self.named(name)
        container.state, container.exit_code, container.oom_killed = "exited", exit_code, oom_killed
        self._happened(container, "die")

    def ping(self) -> None:
        with self._call("ping"):
            pass

    def facts(self) -> DockerFacts:
        with self._call("facts"):
            return DockerFacts(version="20.10.24", api_version="1.41", root_dir="/var/lib/docker", cgroup_version=2)

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        with self._call("list_containers"):
            return tuple(_observed(container) for container in self.containers.values())

    def state(self, container_id: str) -> ContainerState | None:
        with self._call("state", container_id):
            container = self.containers.get(container_id)
            return _state(container) if container else None

    def details(self, container_ids: Iterable[str]) -> tuple[ContainerDetails, ...]:
        wanted = tuple(container_ids)
        with self._call("details", " ".join(wanted)):
            return tuple(_details(self.containers[one]) for one in wanted if one in self.containers)

    def registry_digest(self, reference: str) -> str:
        with self._call("registry_digest", reference):
            if reference not in self.registry:
                raise self._refusal(f"asking the registry for {reference}: not found", status=404)
            return self.registry[reference]

    def update(self, container_id: str, limits: Limits) -> None:
        with self._call("update", container_id):
            container = self._get(container_id)
            host = {**_host_config(container.config), **update_body(limits)}
            container.config = {**container.config, "HostConfig": host}

    def activity(self, container_id: str) -> Activity:
        with self._call("activity", container_id):
            container = self.containers.get(container_id)
            return container.activity if container and container.state == "running" else Activity()

    def image(self, reference: str) -> ObservedImage | None:
        with self._call("image", reference):
            found = self._image(reference)
            return ObservedImage(id=found, size_bytes=1000) if found else None

    def pull(
        self,
        reference: str,
        on_progress: Callable[[PullProgress], None] | None = None,
        *,
        timeout_s: float = PULL_S,
        stall_s: float = 120.0,
    ) -> str:
        with self._call("pull", reference):
            if reference not in self.registry:
                raise self._refusal(f"pulling image {reference}: not found")
            for status in ("Pulling from registry", "Download complete"):
                if on_progress is not None:
                    on_progress(PullProgress(image=reference, status=status))
            self.images[reference] = self.registry[reference]
            return self.images[reference]

    def networks(self) -> tuple[ObservedNetwork, ...]:
        with self._call("networks"):
            return tuple(
                ObservedNetwork(id=f"id of {name}", name=name, labels=labels, created_at=0.0)
                for name, labels in self.network_labels.items()
            )

    def ensure_network(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        *,
        driver: str | None = None,
        internal: bool = False,
    ) -> None:
        with self._call("ensure_network", name):
            self.network_labels.setdefault(name, dict(labels or {}))

    def remove_network(self, network_id: str) -> None:
        with self._call("remove_network", network_id):
            name = network_id.removeprefix("id of ")
            if any(name in one.networks and one.state == "running" for one in self.containers.values()):
                raise self._refusal(f"network {name} has active endpoints", status=403)
            self.network_labels.pop(name, None)

    def volumes(self) -> tuple[ObservedVolume, ...]:
        with self._call("volumes"):
            return tuple(
                ObservedVolume(name=name, labels=volume.labels, created_at=volume.created_at)
                for name, volume in self.stored.items()
            )

    def volume_sizes(self) -> Mapping[str, int]:
        with self._call("volume_sizes"):
            return {name: sum(map(len, volume.received)) for name, volume in self.stored.items()}

    def ensure_volume(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        with self._call("ensure_volume", name):
            self._store(name, labels or {})

    def remove_volume(self, name: str) -> None:
        with self._call("remove_volume", name):
            if any(name in _mounted(one.config) for one in self.containers.values()):
                raise self._refusal(f"remove {name}: volume is in use", status=409)
            self.stored.pop(name, None)

    def put_archive(self, container_id: str, path: str, archive: Iterable[bytes]) -> None:
        with self._call("put_archive", container_id):
            container, received = self._get(container_id), bytearray()
            try:
                for piece in archive:
                    received += piece
            finally:
                self.archives.append((container_id, path, bytes(received)))
                for name, mount in _mounted(container.config).items():
                    if mount["Target"] == path:
                        self.stored[name].received.append(bytes(received))

    def create(self, name: str, config: Mapping[str, object]) -> str:
        with self._call("create", name):
            image_id = self._image(str(config["Image"]))
            if image_id is None:
                message = f"no such image {config['Image']} on {self.host_name}: build or pull it there"
                raise self._refusal(message, status=404)
            self._refuse_taken(name)
            container = FakeContainer(
                id=f"{next(self._numbers):012x}".ljust(64, "0"),
                name=name,
                config=config,
                image_id=image_id,
                created_at=self._clock(),
                networks=_first_networks(config),
            )
            for volume, mount in _mounted(config).items():
                self._store(volume, (mount.get("VolumeOptions") or {}).get("Labels") or {})
            self.containers[container.id] = container
            return container.id

    def connect(self, network: str, container_id: str, aliases: Sequence[str] = ()) -> None:
        with self._call("connect", container_id):
            container = self._get(container_id)
            if container.state == "running":
                self._refuse_unknown_network(network)
            container.networks.setdefault(network, tuple(aliases))

    def start(self, container_id: str) -> None:
        with self._call("start", container_id):
            container = self._get(container_id)
            if container.state == "running":
                return
            for network in container.networks:
                self._refuse_unknown_network(network)
            container.state, container.exit_code = "running", 0
            container.starts += 1
            container.health = "starting" if _has_healthcheck(container.config) else None
            self._happened(container, "start")
            if self.on_start is not None:
                self.on_start(container)

    def stop(self, container_id: str, grace_s: float = 10.0) -> None:
        with self._call("stop", container_id):
            container = self._get(container_id)
            if container.state in ("running", "restarting"):
                container.state, container.exit_code = "exited", 143
                self._happened(container, "die")

    def remove(self, container_id: str, *, force: bool = False, volumes: bool = False) -> None:
        with self._call("remove", container_id):
            container = self.containers.get(container_id)
            if container is None:
                return
            if container.state == "running" and not force:
                raise self._refusal("You cannot remove a running container", status=409)
            container.state = "exited"  # what follows its log finds the end
            del self.containers[container_id]
            self._happened(container, "destroy")

    def rename(self, container_id: str, name: str) -> None:
        with self._call("rename", container_id):
            container = self._get(container_id)
            self._refuse_taken(name)
            if container.state == "restarting":
                raise self._refusal(f"renaming a container to {name}: sandbox not found", status=404)
            container.name = name

    def logs(
        self,
        container_id: str,
        *,
        tail: int | None = None,
        head: int | None = None,
        since: float | None = None,
        timestamps: bool = False,
        limit_bytes: int = 8 << 20,
    ) -> bytes:
        with self._call("logs", container_id):
            lines = self._get(container_id).log.splitlines(keepends=True)
            lines = lines[len(lines) - tail :] if tail is not None and tail < len(lines) else lines
            text = b"".join(lines if head is None else lines[:head])
            return text[:limit_bytes] if head is not None else text[-limit_bytes:]

    def follow_logs(
        self, container_id: str, *, tail: int | None = None, since_ns: int | None = None, wait: bool = True
    ) -> FakeLog:
        with self._call("follow_logs", container_id):
            return FakeLog(self._get(container_id), tail=tail, since_ns=since_ns or 0, wait=wait)

    def begin_exec(
        self,
        container_id: str,
        words: Sequence[str],
        *,
        tty: bool = False,
        user: str | None = None,
        working_dir: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> "FakeExec":
        with self._call("begin_exec", container_id):
            if self._get(container_id).state != "running":
                raise self._refusal(f"Container {container_id} is not running", status=409)
            return FakeExec(self.on_exec, words)

    def events(self) -> FakeEvents:
        with self._call("events"):
            self._followers.append(FakeEvents())
            return self._followers[-1]

    def end_events(self) -> None:
        """Ends every stream of events, as a restart of the engine does."""
        while self._followers:
            self._followers.pop().close()

    def _happened(self, container: FakeContainer, action: str) -> None:
        if LABEL_CONTROLLER in (container.config.get("Labels") or {}):
            for follower in self._followers:
                follower.add(ContainerEvent(container_id=container.id, action=action))

    @contextmanager
    def _call(self, method: str, argument: str = "") -> Iterator[None]:
        with self._lock:
            self.calls.append((method, argument))
            fault = self._next_fault(method)
            if fault is not None and not fault.after:
                raise fault.error
            yield
            if fault is not None:
                raise fault.error

    def _next_fault(self, method: str) -> Fault | None:
        waiting = self._faults.get(method) or []
        if not waiting:
            return None
        waiting[0].times -= 1
        return waiting.pop(0) if waiting[0].times <= 0 else waiting[0]

    def _image(self, reference: str) -> str | None:
        for candidate in (reference, f"{reference}:latest", reference.removesuffix(":latest")):
            if candidate in self.images:
                return self.images[candidate]
        return reference if reference in self.images.values() else None

    def _get(self, container_id: str) -> FakeContainer:
        if container_id not in self.containers:
            raise self._refusal(f"No such container: {container_id}", status=404)
        return self.containers[container_id]

    def _store(self, name: str, labels: Mapping[str, str]) -> None:
        self.stored.setdefault(name, FakeVolume(labels=dict(labels), created_at=self._clock()))

    def _refuse_taken(self, name: str) -> None:
        if any(container.name == name for container in self.containers.values()):
            raise NameTaken(self.host_name, f"the container name {name} is taken")

    def _refuse_unknown_network(self, network: str) -> None:
        if network not in self.network_labels:
            raise self._refusal(f"network {network} not found", status=404)

    def _refusal(self, message: str, *, status: int | None = None) -> EngineError:
        return EngineError(self.host_name, message, failure=Failure.TERMINAL, status=status)


def _missing(name: str) -> FakeContainer:
    raise KeyError(name)


def _host_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    return config.get("HostConfig") or {}


def _first_networks(config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    endpoints = (config.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
    if endpoints:
        return {name: tuple((endpoint or {}).get("Aliases") or ()) for name, endpoint in endpoints.items()}
    mode = str(_host_config(config).get("NetworkMode") or "bridge")
    return {"bridge" if mode == "default" else mode: ()}


def _mounted(config: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The named volumes that a container mounts, each with its mount."""
    mounts = _host_config(config).get("Mounts") or ()
    return {mount["Source"]: mount for mount in mounts if mount["Type"] == "volume" and mount.get("Source")}


def _has_healthcheck(config: Mapping[str, Any]) -> bool:
    test = (config.get("Healthcheck") or {}).get("Test") or []
    return bool(test) and test[0] != "NONE"


_HEALTH_TEXT = {"starting": " (health: starting)", "healthy": " (healthy)", "unhealthy": " (unhealthy)"}


def _observed(container: FakeContainer) -> ObservedContainer:
    return ObservedContainer(
        id=container.id,
        name=container.name,
        image=str(container.config["Image"]),
        image_id=container.image_id,
        state=container.state,
        status=container.state + _HEALTH_TEXT.get(container.health or "", ""),
        created_at=container.created_at,
        labels=dict(container.config.get("Labels") or {}),
        ports=tuple(_ports(container)),
        networks=tuple(container.networks),
        volumes=tuple(_mounted(container.config)),
    )


def _ports(container: FakeContainer) -> Iterator[ObservedPort]:
    """An engine lists ports only while the container runs."""
    if container.state != "running":
        return
    for target, bindings in (_host_config(container.config).get("PortBindings") or {}).items():
        number, _, protocol = target.partition("/")
        for binding in bindings or [{}]:
            published = int(binding.get("HostPort") or 0) or 30000 + int(number)
            yield ObservedPort(
                target=int(number),
                protocol=protocol or "tcp",
                published=published,
                host_ip=binding.get("HostIp") or "0.0.0.0",
            )


def _details(container: FakeContainer) -> ContainerDetails:
    """An image of the fake has nothing of its own, and its id is its digest."""
    entry = {
        "Id": container.id,
        "Config": container.config,
        "HostConfig": _host_config(container.config),
        "NetworkSettings": {"Networks": {name: {"Aliases": list(own)} for name, own in container.networks.items()}},
    }
    return details(entry, {"RepoDigests": [f"image@{container.image_id}"]}, api=(1, 44))


def _state(container: FakeContainer) -> ContainerState:
    return ContainerState(
        id=container.id,
        running=container.state in ("running", "restarting"),
        restarting=container.state == "restarting",
        exit_code=container.exit_code,
        oom_killed=container.oom_killed,
        error=container.error,
        restart_count=container.restart_count,
        health=container.health,
        health_output=container.health_output,
        started_at=str(container.starts or ""),
        pid=1000 + container.starts if container.state == "running" else None,
    )
