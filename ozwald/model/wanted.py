"""The wanted set: what should run, as last asked for, and where each instance was last placed."""

from dataclasses import dataclass

from ozwald.model.plan import InstanceKey
from ozwald.model.request import InstanceRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedInstance:
    """One wanted instance; `placed_on` is the host that was chosen for it, once one was.

    It is `persistent` when the settings want it, whatever else is asked for.
    """

    request: InstanceRequest
    placed_on: str | None = None
    persistent: bool = False

    @property
    def key(self) -> InstanceKey:
        return InstanceKey(realm=self.request.realm, name=self.request.name)


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Leaving:
    """An instance that has to go from a host, and has not been seen to be gone from there yet."""

    key: InstanceKey
    host: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Adopted:
    """A container that another controller made and that is ours now: its labels cannot be changed."""

    host: str
    container_id: str
    controller: str


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class OwedRestart:
    """A container that has to be restarted and has not been yet; `reason` says why."""

    key: InstanceKey
    host: str
    container_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSet:
    """All wanted instances, every change of them a new generation, and what goes with them on the hosts."""

    generation: int
    instances: tuple[WantedInstance, ...] = ()
    leaving: tuple[Leaving, ...] = ()
    adopted: tuple[Adopted, ...] = ()
    restarts: tuple[OwedRestart, ...] = ()
