"""What happened: one event for each thing that somebody asked for, that was done, or that was seen."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ozwald.model.plan import InstanceKey


class EventKind(StrEnum):
    """What kind of thing happened."""

    REQUEST_ACCEPTED = "request-accepted"
    OPERATION_BEGUN = "operation-begun"
    OPERATION_FINISHED = "operation-finished"
    OPERATION_FAILED = "operation-failed"
    SERVICE_STATUS = "service-status"
    HOST_REACHABLE = "host-reachable"
    HOST_UNREACHABLE = "host-unreachable"
    CONTROLLER_STARTED = "controller-started"
    CONTROLLER_STOPPED = "controller-stopped"
    SETTINGS_RELOADED = "settings-reloaded"
    FOOTPRINT_ACCEPTED = "footprint-accepted"
    FOOTPRINT_BEGUN = "footprint-begun"
    FOOTPRINT_MEASURED = "footprint-measured"
    FOOTPRINT_FAILED = "footprint-failed"
    FOOTPRINT_CANCELLED = "footprint-cancelled"
    REDIS_LOST = "redis-lost"
    REDIS_BACK = "redis-back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One thing that happened; `text` says why and what changed.

    `id` grows with every event and is its time in microseconds since the epoch, or one more than the event before;
    `at` is seconds since the epoch. `service` is the definition of the instance `key`, `author` who asked.
    """

    id: int
    at: float
    kind: EventKind
    text: str = ""
    host: str | None = None
    key: InstanceKey | None = None
    service: str | None = None
    generation: int | None = None
    author: str | None = None


def event_document(event: Event) -> dict[str, Any]:
    """An event as programs read it: a line of the file, the API's and the command line's JSON."""
    return {
        "id": event.id,
        "time": datetime.fromtimestamp(event.at, UTC).isoformat(),
        "kind": event.kind.value,
        "host": event.host,
        "realm": event.key.realm if event.key else None,
        "name": event.key.name if event.key else None,
        "service": event.service,
        "generation": event.generation,
        "author": event.author,
        "text": event.text,
    }


def read_event(document: Mapping[str, Any]) -> Event:
    """The event of a document; raises KeyError, TypeError or ValueError where it is none."""
    realm, name = document["realm"], document["name"]
    return Event(
        id=int(document["id"]),
        at=datetime.fromisoformat(document["time"]).timestamp(),
        kind=EventKind(document["kind"]),
        text=str(document["text"]),
        host=document["host"],
        key=InstanceKey(realm=realm, name=name) if name is not None else None,
        service=document["service"],
        generation=document["generation"],
        author=document["author"],
    )
