"""The wanted set: what should run, as last asked for, and where each instance was last placed."""

from dataclasses import dataclass

from ozwald.model.plan import InstanceKey
from ozwald.model.service import InstanceRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedInstance:
    """One wanted instance; `placed_on` is the host that was chosen for it, once one was."""

    request: InstanceRequest
    placed_on: str | None = None

    @property
    def key(self) -> InstanceKey:
        return InstanceKey(realm=self.request.realm, name=self.request.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSet:
    """All wanted instances; every change of them is a new generation."""

    generation: int
    instances: tuple[WantedInstance, ...] = ()
