"""Hosts and provisioners as the inventory describes them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Connection(StrEnum):
    """How a host is talked to."""

    SSH = "ssh"
    LOCAL = "local"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reserve:
    """What a host keeps for others: bytes of memory, and bytes of VRAM on each card."""

    memory_bytes: int = 0
    vram_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """One machine of the inventory.

    `address` is what is dialled (a name, an IP or an ssh_config alias). `port`, `user` and `identity_file` are
    None where ssh_config, then OpenSSH's defaults, decide. `jump` is an inventory name or `[user@]host[:port]`,
    comma-separated when there are several.
    """

    name: str
    address: str
    port: int | None = None
    user: str | None = None
    identity_file: str | None = None
    jump: str | None = None
    connection: Connection = Connection.SSH
    become: bool = False
    docker_socket: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    reserve: Reserve = Reserve()
    vars: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    """Where a provisioner's Redis listens; `address` None means the embedded one.

    `ca_file` has the certificates that its own must be signed by; without, those that the system trusts.
    """

    address: str | None = None
    port: int = 6379
    db: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False
    ca_file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioner:
    """A controller: the host it runs on, the pattern of hosts it manages, and `HOST:PORT` where its API listens."""

    name: str
    host: str
    hosts: str = "all"
    listen: str | None = None
    cache: Cache = Cache()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inventory:
    """Every known host, group and provisioner, each by name, in the order of the files.

    `groups` maps a group to the names of its hosts, those of child groups included, `children` to its child groups.
    """

    hosts: Mapping[str, Host]
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    provisioners: Mapping[str, Provisioner] = field(default_factory=dict)
    children: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
