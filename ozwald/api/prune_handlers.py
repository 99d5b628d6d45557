"""What the routes of prune do: take requests to remove what nobody uses, and tell how far they are."""

from collections.abc import Sequence
from typing import Any, Final

from ozwald.api.answers import Answer
from ozwald.api.authors import author_of
from ozwald.api.calls import Call, WrongCall
from ozwald.api.shapes import WrongShape, map_of, seconds_of, text_of
from ozwald.api.site import Site
from ozwald.model.belonging_document import prune_document
from ozwald.planning.patterns import select

LONGEST_WAIT_S: Final = 24 * 3600.0
WAIT_S: Final = 600.0
_KEYS: Final = ("host", "volumes", "dry_run", "plan", "wait_s")


def submit(site: Site, call: Call) -> Answer:
    body, author = map_of(call.body, _KEYS, "the body"), author_of(call)
    wait_s = seconds_of(body, "wait_s", "body", most=LONGEST_WAIT_S)
    wait_s = WAIT_S if wait_s is None else wait_s
    plan = text_of(body, "plan", "body")
    hosts, volumes, dry_run = _hosts(site, body), _switch(body, "volumes"), _switch(body, "dry_run")
    if plan is None:
        prune = site.prunes.submit(hosts, with_written=volumes, dry_run=dry_run, wait_s=wait_s, author=author)
    elif body.get("host") is not None or volumes or dry_run:
        raise WrongShape("body.plan says what goes: leave out host, volumes and dry_run")
    else:
        prune = site.prunes.carry_out(plan, wait_s=wait_s, author=author)
    return Answer(status=202, document={"status": "accepted", "prune_id": prune.prune_id})


def state(site: Site, call: Call) -> Answer:
    return Answer(document=prune_document(site.prunes.find(call.arguments["prune_id"])))


def _hosts(site: Site, body: dict[str, Any]) -> Sequence[str]:
    pattern, managed = text_of(body, "host", "body"), site.board.view.hosts
    if pattern is None:
        return list(managed)
    chosen = [host.name for host in select(site.desk.settings.inventory, pattern) if host.name in managed]
    if not chosen:
        raise WrongCall(f"the provisioner manages none of the hosts {pattern[:100]!r}; it has {', '.join(managed)}")
    return chosen


def _switch(body: dict[str, Any], key: str) -> bool:
    value = body.get(key)
    if not isinstance(value, bool | None):
        raise WrongShape(f"body.{key} must be true or false")
    return bool(value)
