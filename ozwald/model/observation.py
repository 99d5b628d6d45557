"""One look at one host: its hardware and every container on it."""

from dataclasses import dataclass

from ozwald.model.container import ObservedContainer
from ozwald.model.resources import HostResources


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What planning decides by; `containers` holds those of others too, `networks` names, None when not asked for."""

    resources: HostResources
    containers: tuple[ObservedContainer, ...]
    networks: frozenset[str] | None = None
