"""What the other rooms may ask of a host's Docker Engine."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from ozwald.errors import EngineError, Failure
from ozwald.model.belongings import ObservedNetwork, ObservedVolume
from ozwald.model.container import Activity, ContainerDetails, ContainerState, ObservedContainer, ObservedImage
from ozwald.model.resources import DockerFacts
from ozwald.remote.command import Stream

PULL_S: Final = 6 * 3600.0  # 20 GB at 8 Mbit/s; a pull that hangs is known by its silence, much sooner


class NameTaken(EngineError):
    """Another container has that name: the engine's compare-and-set said no."""

    def __init__(self, host: str, message: str) -> None:
        super().__init__(host, message, failure=Failure.TERMINAL, status=409)


@dataclass(frozen=True, slots=True, kw_only=True)
class PullProgress:
    """One message of a pull; `layer` is empty for the whole image, sizes are bytes where known."""

    image: str
    status: str
    layer: str = ""
    current_bytes: int | None = None
    total_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What can be changed on a container that is there; None leaves it as it is. `restart` is Compose's."""

    restart: str | None = None
    mem_limit: int | None = None
    cpus: float | None = None


@dataclass(frozen=True, slots=True)
class LogPiece:
    """One message of a container's log: a line with its newline, or a part of a long line without.

    `at_ns` is when the engine took it, in nanoseconds since the epoch.
    """

    at_ns: int
    stream: Stream
    content: bytes


class LogStream(Protocol):
    """A container's log. One thread reads; any may close it, which ends the reading."""

    def read(self) -> Sequence[LogPiece]:
        """The next messages as soon as there are any, none at the end; raises EngineError or ConnectionFailed."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEvent:
    """Something that happened to a container: `start`, `die`, `health_status`, `destroy` or `oom`."""

    container_id: str
    action: str


class EventStream(Protocol):
    """What happens on an engine. One thread reads; any may close it, which ends the reading."""

    def read(self) -> Sequence[ContainerEvent]:
        """The next events as soon as there are any, none at the end; raises EngineError or ConnectionFailed."""

    def close(self) -> None: ...


class Exec(Protocol):
    """A command that runs in a container. One thread may read while another writes."""

    def read(self) -> tuple[Stream, bytes] | None:
        """The next piece of output, or None at its end; raises ConnectionFailed, UNKNOWN."""

    def write(self, content: bytes) -> None: ...

    def close_input(self) -> None:
        """The command reads the end of its input."""

    def resize(self, rows: int, columns: int) -> None:
        """Tells the command's terminal its size."""

    def pid(self) -> int | None:
        """The process id on the host while it runs."""

    def exit_code(self) -> int:
        """How it ended, once its output has."""

    def close(self) -> None: ...


class Engine(Protocol):
    """One host's engine. Every call ends by a deadline and raises EngineError or ConnectionFailed.

    Containers are changed by id only, so that a stale caller gets a 404 and never another container.
    """

    @property
    def host_name(self) -> str: ...

    def ping(self) -> None:
        """Returns when the engine answers."""

    def facts(self) -> DockerFacts: ...

    def list_containers(self) -> tuple[ObservedContainer, ...]:
        """Every container in every state, ours or not."""

    def state(self, container_id: str) -> ContainerState | None:
        """A close look at one container, or None when it is gone."""

    def details(self, container_ids: Iterable[str]) -> tuple[ContainerDetails, ...]:
        """Everything that containers were made with; those that are gone are not among them."""

    def registry_digest(self, reference: str) -> str:
        """The manifest, `sha256:…`, that the registry has under this reference now; nothing is fetched."""

    def update(self, container_id: str, limits: Limits) -> None:
        """Changes limits of a container that is there, running or not."""

    def activity(self, container_id: str) -> Activity:
        """What a container has used so far; zeros for one that does not run or is gone."""

    def image(self, reference: str) -> ObservedImage | None:
        """An image that is on the host, or None."""

    def pull(
        self,
        reference: str,
        on_progress: Callable[[PullProgress], None] | None = None,
        *,
        timeout_s: float = PULL_S,
        stall_s: float = 120.0,
    ) -> str:
        """Fetches an image and returns its id; gives up after `stall_s` without a message, or `timeout_s` in all."""

    def networks(self) -> tuple[ObservedNetwork, ...]:
        """Every network, ours or not."""

    def ensure_network(
        self,
        name: str,
        labels: Mapping[str, str] | None = None,
        *,
        driver: str | None = None,
        internal: bool = False,
    ) -> None:
        """Creates the network unless there is one of that name."""

    def remove_network(self, network_id: str) -> None:
        """Removes a network; one that is gone already is fine, one that a running container uses is refused."""

    def volumes(self) -> tuple[ObservedVolume, ...]:
        """Every volume, ours or not."""

    def volume_sizes(self) -> Mapping[str, int]:
        """What each volume holds, in bytes; the engine counts every file for it, which may take a minute."""

    def ensure_volume(self, name: str, labels: Mapping[str, str] | None = None) -> None:
        """Creates the volume unless there is one of that name."""

    def remove_volume(self, name: str) -> None:
        """Removes a volume; one that is gone already is fine, one that any container mentions is a 409."""

    def put_archive(self, container_id: str, path: str, archive: Iterable[bytes]) -> None:
        """Unpacks a tar archive into a folder of a container, running or not."""

    def create(self, name: str, config: Mapping[str, object]) -> str:
        """Creates a container from an API ContainerCreate body and returns its id; raises NameTaken."""

    def connect(self, network: str, container_id: str, aliases: Sequence[str] = ()) -> None:
        """Attaches a container to one more network; one that is attached already is fine."""

    def start(self, container_id: str) -> None:
        """Starts a container; a running one is fine."""

    def stop(self, container_id: str, grace_s: float = 10.0) -> None:
        """Stops a container, killing it after `grace_s`; a stopped one is fine, one that is gone a 404."""

    def remove(self, container_id: str, *, force: bool = False, volumes: bool = False) -> None:
        """Removes a container; one that is gone already is fine."""

    def rename(self, container_id: str, name: str) -> None:
        """Gives a container another name; raises NameTaken."""

    def begin_exec(
        self,
        container_id: str,
        words: Sequence[str],
        *,
        tty: bool = False,
        user: str | None = None,
        working_dir: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Exec:
        """Starts a command in a running container, with its own input and, with `tty`, a terminal."""

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
        """What a container wrote, both streams in order: its first `head` or last `tail` lines, or all.

        `since` is seconds since the epoch. At most `limit_bytes`: the first ones with `head`, else the last.
        """

    def follow_logs(
        self, container_id: str, *, tail: int | None = None, since_ns: int | None = None, wait: bool = True
    ) -> LogStream:
        """The log of a container, both streams told apart: its last `tail` messages, or all, and what comes.

        `since_ns`, nanoseconds since the epoch, is the first moment that counts. It ends when the container does,
        and without `wait` with what there is now.
        """

    def events(self) -> EventStream:
        """What happens from now on to containers that a controller, ours or another, has made."""
