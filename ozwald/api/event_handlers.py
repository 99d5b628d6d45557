"""What the route of events does."""

import time
from typing import Final

from ozwald.api.answers import Answer
from ozwald.api.calls import Call, as_count
from ozwald.api.site import Site
from ozwald.model.event import Event, event_document
from ozwald.planning.events import EventQuery
from ozwald.planning.moments import since_ns

MOST: Final = 1000
LONGEST_WAIT_S: Final = 20


def events(site: Site, call: Call) -> Answer:
    since = call.query.get("since")
    after = as_count(call.query.get("after"), "after", most=10**18)
    query = EventQuery(
        host=call.query.get("host"),
        service=call.query.get("service"),
        since=since_ns(since, now=time.time()) / 1e9 if since is not None else None,
        after=after,
        limit=as_count(call.query.get("limit"), "limit", least=1, most=MOST) or EventQuery().limit,
    )
    wait_s = as_count(call.query.get("wait"), "wait", most=LONGEST_WAIT_S)
    # One that has not happened yet is none of ours: who knows it follows another journal.
    if after is None or not site.journal.has(after):
        wait_s = 0
    found = _found(site, query, LONGEST_WAIT_S if wait_s is None else wait_s)
    return Answer(document=[event_document(event) for event in found])


def _found(site: Site, query: EventQuery, wait_s: float) -> list[Event]:
    found = site.journal.choose(query)
    if found or not wait_s:
        return found
    with site.waiting.place() as is_free:
        return site.journal.wait_for(query, wait_s=wait_s) if is_free else found
