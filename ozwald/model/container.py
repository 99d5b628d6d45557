"""Containers as a host's engine reports them, and the names and labels that make one ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LABEL_REALM = "ozwald.realm"
LABEL_INSTANCE = "ozwald.instance"
LABEL_SERVICE = "ozwald.service"
LABEL_VARIETY = "ozwald.variety"
LABEL_PROFILE = "ozwald.profile"
LABEL_PROVISIONER = "ozwald.provisioner"
LABEL_CONTROLLER = "ozwald.controller"
LABEL_GENERATION = "ozwald.generation"
LABEL_SPEC = "ozwald.spec"
LABEL_OWNER = "ozwald.owner"
LABEL_GPUS = "ozwald.gpus"
LABEL_LIMITS = "ozwald.limits"
LABEL_FOOTPRINT = "ozwald.footprint"
_MEASURED = "ozfoot--"
LONGEST_NUMBER = 18  # labels come from hosts, and Python refuses to read thousands of digits


def container_name(realm: str, instance: str) -> str:
    """The name an instance's container has on its host."""
    return f"ozsvc--{realm}--{instance}"


def leftover_name(name: str, container_id: str) -> str:
    """What a container is called while its replacement proves itself."""
    return f"{name}--old-{container_id[:12]}"


def measured_name(realm: str, service: str, run_id: str) -> str:
    """The name of the container that a measuring run makes for itself."""
    return f"{_MEASURED}{realm}--{service}--{run_id}"


def network_name(realm: str, network: str) -> str:
    """The name a realm's network has on a host."""
    return f"oznet--{realm}--{network}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedPort:
    """A port as the engine reports it."""

    target: int
    protocol: str
    published: int | None = None
    host_ip: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedContainer:
    """One entry of a host's container list.

    `state` is Docker's (`created`, `running`, `paused`, `restarting`, `removing`, `exited`, `dead`), `status` its
    text for people (`Up 3 minutes (healthy)`), `created_at` seconds since the epoch. `networks` and `volumes` are
    names of those that it uses, or would when it is started. `health_output` is what the last check of an unhealthy
    one printed, where somebody has asked.
    """

    id: str
    name: str
    image: str
    image_id: str
    state: str
    status: str
    created_at: float
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[ObservedPort, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    health_output: str = ""

    @property
    def is_running(self) -> bool:
        return self.state == "running"

    @property
    def is_measured(self) -> bool:
        """Whether a measuring run made it, of this controller or another."""
        return LABEL_FOOTPRINT in self.labels and self.name.startswith(_MEASURED)

    @property
    def is_unhealthy(self) -> bool:
        """Whether its healthcheck has failed as often as it may."""
        return self.is_running and "(unhealthy)" in self.status

    @property
    def generation(self) -> int | None:
        """The generation of the wanted set that it was made for; None where its label is no such number."""
        text = self.labels.get(LABEL_GENERATION, "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedImage:
    """An image on a host; `digest` is its manifest, `sha256:…`, None for one that came from no registry."""

    id: str
    digest: str | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerState:
    """One container looked at closely: enough to tell whether it lives and why it died.

    `health` is None without a healthcheck, else `starting`, `healthy` or `unhealthy`; `health_output` is what its
    last check printed, `health_exit_code` how that ended and `health_failures` how many failed in a row.
    `stop_timeout_s` is how long it may take to end, `started_at` another text
    after every start, `pid` the host's number of its first process, None where none runs.
    """

    id: str
    running: bool
    restarting: bool
    exit_code: int
    oom_killed: bool
    error: str
    restart_count: int
    health: str | None = None
    health_output: str = ""
    health_exit_code: int | None = None
    health_failures: int = 0
    stop_timeout_s: float = 10.0
    started_at: str = ""
    pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity:
    """What a container has used since it was started: CPU seconds and bytes read from disks."""

    cpu_s: float = 0.0
    read_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerDetails:
    """Everything a container was made with, as planning writes it down (`planning.settled`).

    `settings` is what it has, `from_image` what its image gives it, None when that image is gone, `untold` what this
    engine does not keep.
    `image_digests` are the manifests, `sha256:…`, by which its image can be had from a registry.
    """

    id: str
    settings: Mapping[str, Any] = field(repr=False)
    from_image: Mapping[str, Any] | None = field(default=None, repr=False)
    untold: frozenset[str] = frozenset()
    image_digests: tuple[str, ...] = ()
