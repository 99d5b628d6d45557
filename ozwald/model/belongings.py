"""Networks and volumes as a host's engine reports them."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
