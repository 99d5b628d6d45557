"""Chooses events: those of a host, of a service, from a moment on, after another one."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from ozwald.model.event import Event


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which events are asked for.

    `service` is an instance or a definition, either also as `REALM:NAME`; `since` is seconds since the epoch. Of those
    that fit, the newest `limit` count; with `after`, the id of an event that the caller has, the first ones after it.
    """

    host: str | None = None
    service: str | None = None
    since: float | None = None
    after: int | None = None
    limit: int = 100

    def fits(self, event: Event) -> bool:
        """Whether an event is one of those that are asked for, were there no limit."""
        return (
            (self.host is None or event.host == self.host)
            and (self.service is None or self.service in _names(event))
            and (self.since is None or event.at >= self.since)
            and (self.after is None or event.id > self.after)
        )


def choose_events(events: Iterable[Event], query: EventQuery) -> list[Event]:
    """The events that are asked for, oldest first; `events` are in that order, too."""
    fitting = [event for event in events if query.fits(event)]
    return list(islice(fitting, query.limit)) if query.after is not None else fitting[-query.limit :]


def _names(event: Event) -> Iterable[str]:
    for name in (event.key.name if event.key else None, event.service):
        if event.key is not None and name is not None:
            yield from (name, f"{event.key.realm}:{name}")
