"""The history of the wanted set: each generation with who made it, how, and what it changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ozwald.model.plan import InstanceKey
from ozwald.model.wanted import WantedInstance


class ChangeKind(StrEnum):
    """What became of an instance."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceChange:
    """One instance that a generation changed; `values` has what was and what is, by name, where it was there before."""

    key: InstanceKey
    kind: ChangeKind
    values: Mapping[str, tuple[str | None, str | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who asks for a change: the user's name, and the command as it was typed."""

    owner: str
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation of the wanted set; `at` is seconds since the epoch."""

    number: int
    at: float
    author: Author
    instances: tuple[WantedInstance, ...]
    changes: tuple[InstanceChange, ...]
