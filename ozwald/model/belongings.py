"""What is on a host besides running services: networks and volumes as the engine reports them, and what is Ozwald's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ozwald.model.container import ObservedContainer


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedNetwork:
    """One entry of a host's list of networks; `created_at` is seconds since the epoch, None where it is not told."""

    id: str
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    created_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedVolume:
    """One entry of a host's list of volumes, which have no id; `created_at` as of a network."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    created_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a host's engine has; `sizes` are bytes of volumes by name, of those that were measured."""

    containers: tuple[ObservedContainer, ...] = ()
    networks: tuple[ObservedNetwork, ...] = ()
    volumes: tuple[ObservedVolume, ...] = ()
    sizes: Mapping[str, int] = field(default_factory=dict)


class Kind(StrEnum):
    """What kind of thing of Ozwald is on a host."""

    CONTAINER = "container"
    NETWORK = "network"
    VOLUME = "volume"
    PROCESS = "process"
    FILE = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Belonging:
    """One thing of Ozwald on a host.

    `what` tells people what it is there for. `id` is the engine's, the name of a volume, a process id or a path.
    `owner` is the controller's id, or the user of a process or file; `created_at` is seconds since the epoch. None
    is what is not told.
    """

    kind: Kind
    id: str
    name: str
    what: str
    owner: str | None = None
    created_at: float | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """How the removal of one thing ended; `error` says what is in the way, empty when it is gone."""

    belonging: Belonging
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prune:
    """A request to remove what nobody uses on hosts, and how far it is; all by host.

    `found` is what may go, `removed` what came of it there, `unreachable` why a host was not looked at, and `waiting`
    what a host is waited for. `with_written` takes also volumes that services may have written to; with `dry_run`
    nothing is removed.
    """

    prune_id: str
    hosts: tuple[str, ...]
    with_written: bool = False
    dry_run: bool = False
    wait_s: float = 0.0
    found: Mapping[str, tuple[Belonging, ...]] | None = None
    removed: Mapping[str, tuple[Removal, ...]] = field(default_factory=dict)
    unreachable: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    is_ended: bool = False
