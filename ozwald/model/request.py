"""Instances that are asked for: as somebody wrote them, and with every name looked up."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenRequest:
    """An instance that is asked for in its parts, as they are written; nothing is looked up yet."""

    name: str
    service: str | None = None
    realm: str | None = None
    variety: str | None = None
    profile: str | None = None
    host: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceRequest:
    """A wanted instance as it was asked for; None leaves the choice to planning. `host` is a host pattern."""

    realm: str
    name: str
    service: str
    variety: str | None = None
    profile: str | None = None
    host: str | None = None
