"""Services as they run now."""

from dataclasses import dataclass
from enum import StrEnum

from ozwald.model.plan import InstanceKey


class Status(StrEnum):
    """How an active service is."""

    WAITING = "waiting"
    STARTING = "starting"
    AVAILABLE = "available"
    STOPPING = "stopping"
    FAILED = "failed"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveService:
    """One instance that is wanted or has a container; `since` is seconds since the epoch.

    It is `persistent` when the settings want it, whatever else is asked for.
    """

    key: InstanceKey
    service: str
    status: Status
    variety: str | None = None
    profile: str | None = None
    host: str | None = None
    reason: str = ""
    since: float | None = None
    endpoint: str | None = None
    image: str | None = None
    generation: int | None = None
    container_id: str | None = None
    persistent: bool = False
