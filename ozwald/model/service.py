"""Services: the complete specification of one container, and what it is made of."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from ozwald.model.realm import Origin
from ozwald.model.resources import Hardware

_CDI_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]*/[A-Za-z][A-Za-z0-9_.-]*=[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One entry of `volumes`. `source` is a host path (bind), a volume's name (volume) or None.

    A plan has another type, `copy`: a single file that is put into the container, its `source` the digest.

    With `on_controller` the source is the controller's own data: an absolute path of the machine Ozwald runs on.
    `selinux` is `z` or `Z` where the engine is to relabel the source, for all containers or for this one.
    """

    type: Literal["bind", "volume", "tmpfs", "copy"]
    target: str
    source: str | None = None
    read_only: bool = False
    propagation: str | None = None
    create_host_path: bool = True
    nocopy: bool = False
    tmpfs_bytes: int | None = None
    tmpfs_mode: int | None = None
    selinux: str | None = None
    on_controller: bool = False

    @property
    def key(self) -> str:
        """What a higher layer replaces it by."""
        return self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """One published or exposed container port; `published` None lets the engine choose, out of `choice`.

    `choice` is the first and the last port of a range, or None for any.
    """

    target: int
    protocol: str = "tcp"
    published: int | None = None
    host_ip: str | None = None
    choice: tuple[int, int] | None = None

    @property
    def key(self) -> str:
        """What a higher layer replaces it by."""
        return f"{self.target}/{self.protocol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Healthcheck:
    """As in Compose: `test` is `("NONE",)`, `("CMD", …)` or `("CMD-SHELL", text)`; times in seconds."""

    test: tuple[str, ...] = ()
    interval_s: float | None = None
    timeout_s: float | None = None
    start_period_s: float | None = None
    start_interval_s: float | None = None
    retries: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependency:
    """A service that must be there first; with `restart`, what depends on it follows its restarts."""

    instance: str
    condition: str = "service_healthy"
    required: bool = True
    restart: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A service's place in one of its realm's networks."""

    network: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A device node handed to the container, or a device by its CDI name, `VENDOR/CLASS=NAME`."""

    source: str
    target: str
    permissions: str = "rwm"

    @property
    def is_cdi(self) -> bool:
        """Whether the source is a CDI name."""
        return self.source == self.target and _CDI_NAME.fullmatch(self.source) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ulimit:
    """One resource limit; -1 means unlimited."""

    soft: int
    hard: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvFile:
    """An environment file of the controller, already read; `origins` has the place of each value."""

    path: str
    values: Mapping[str, str] = field(repr=False)
    origins: Mapping[str, Origin] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeConnector:
    """A port of the service under a name by which it can be reached from outside its realm."""

    name: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Requires:
    """What a service needs of its host beyond the variety's hardware; None where it does not say."""

    gpus: int | Literal["all"] | None = None
    memory_bytes: int | None = None
    vram_bytes: int | None = None

    @property
    def needs_cards(self) -> bool:
        """Whether it can only run on cards."""
        return bool(self.gpus or self.vram_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunScript:
    """A line for a POSIX shell that puts load on a service while it is measured.

    It runs in a `folder` of the controller, else `in_container`.
    """

    line: str
    folder: str = ""
    in_container: bool = False


class Pull(StrEnum):
    """When an image is fetched."""

    ALWAYS = "always"
    MISSING = "missing"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """Everything one container needs, with variety and profile merged in.

    Field names are the Compose keys. None and empty mean that the settings do not say, so the image or the
    engine decides; `command` and `entrypoint` are None where the image decides and `()` where the settings
    clear it. `shm_size` and `mem_limit` are bytes, `stop_grace_period` is seconds, `cpus` is cores.
    """

    realm: str
    instance: str
    service: str
    variety: str | None
    profile: str | None
    hardware: Hardware
    image: str
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    env_file: tuple[EnvFile, ...] = ()
    volumes: tuple[Mount, ...] = ()
    ports: tuple[Port, ...] = ()
    healthcheck: Healthcheck | None = None
    depends_on: tuple[Dependency, ...] = ()
    networks: tuple[Attachment, ...] = ()
    restart: str | None = None
    shm_size: int | None = None
    ipc: str | None = None
    pid: str | None = None
    ulimits: Mapping[str, Ulimit] = field(default_factory=dict)
    devices: tuple[Device, ...] = ()
    group_add: tuple[str, ...] = ()
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    security_opt: tuple[str, ...] = ()
    user: str | None = None
    working_dir: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    extra_hosts: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ()
    init: bool | None = None
    stop_grace_period: float | None = None
    start_stall_s: float | None = None
    start_timeout_s: float | None = None
    mem_limit: int | None = None
    cpus: float | None = None
    runtime: str | None = None
    pull_policy: Pull = Pull.MISSING
    read_only: bool = False
    properties: Mapping[str, str] = field(default_factory=dict)
    requires: Requires = Requires()
    lockers: tuple[str, ...] = ()

    @property
    def is_restarted(self) -> bool:
        """Whether it is restarted when it fails: by the engine, or in order where something has to be there first."""
        return self.restart != "no" or bool(self.depends_on or self.lockers)
