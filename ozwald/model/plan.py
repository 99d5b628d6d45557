"""A plan as data: what has to happen on which host, shown by the CLI and carried out by execution."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ozwald.model.data import Delivery
from ozwald.model.realm import Network
from ozwald.model.resources import Gpu
from ozwald.model.service import ServiceSpec


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class InstanceKey:
    """What names an instance: its realm and its name in there."""

    realm: str
    name: str

    def __str__(self) -> str:
        return self.name if self.realm == "default" else f"{self.realm}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """An instance with its host and cards chosen. `networks` are the realm's, those the spec attaches to.

    `deliveries` is the controller's data that has to be brought to the host.
    """

    spec: ServiceSpec
    host: str
    gpus: tuple[Gpu, ...] = ()
    networks: tuple[Network, ...] = ()
    deliveries: tuple[Delivery, ...] = ()

    @property
    def key(self) -> InstanceKey:
        return InstanceKey(realm=self.spec.realm, name=self.spec.instance)


class Action(StrEnum):
    """What an operation does to one instance on one host."""

    STOP = "stop"
    CREATE = "create"
    REPLACE = "replace"
    UPDATE = "update"
    START = "start"
    RESTART = "restart"
    KEEP = "keep"
    BLOCKED = "blocked"

    @property
    def is_change(self) -> bool:
        return self not in (Action.KEEP, Action.BLOCKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One setting of a container that is not as wanted; `old` or `new` is None where it is not set."""

    path: str
    old: Any = field(default=None, repr=False)
    new: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One step of a plan.

    `container_id` is the container it acts on (none for create), `leftovers` are containers of interrupted
    replacements that go once the instance is available, `after` the instances that come first and `needs` those of
    them without which it is not started. A blocked operation changes nothing: `reason` says why and what to do.
    `changes` are the settings that differ, where the container was looked at closely; update and start make those
    that can be made on the container that is there. `fingerprint` and `limits` go into the container's labels.
    """

    action: Action
    key: InstanceKey
    host: str | None = None
    placement: Placement | None = field(default=None, repr=False)
    container_id: str | None = None
    leftovers: tuple[str, ...] = ()
    fingerprint: str = ""
    limits: str = ""
    reason: str = ""
    changes: tuple[Change, ...] = ()
    after: tuple[InstanceKey, ...] = ()
    needs: tuple[InstanceKey, ...] = ()
    fits_nowhere: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything one apply would do. `unreachable` maps a host that could not be observed to the reason."""

    operations: tuple[Operation, ...]
    unreachable: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> tuple[Operation, ...]:
        """The operations that touch a host."""
        return tuple(operation for operation in self.operations if operation.action.is_change)

    @property
    def blocked(self) -> tuple[Operation, ...]:
        """The operations that cannot be carried out."""
        return tuple(operation for operation in self.operations if operation.action is Action.BLOCKED)
