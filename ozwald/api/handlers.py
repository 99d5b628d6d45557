"""What the routes do: read the board or hand a request to the desk, and never touch a host."""

import json
import time
from typing import Final

from ozwald.api.answers import Answer, refusal
from ozwald.api.authors import author_of
from ozwald.api.calls import Call, WrongCall, as_switch
from ozwald.api.shapes import WrongShape, name_list, wanted_list
from ozwald.api.site import Site
from ozwald.controller.board import View
from ozwald.model.active_document import active_document
from ozwald.model.resource_document import resource_document
from ozwald.planning.asking import Exactly
from ozwald.planning.definition_document import definition_document
from ozwald.planning.names import parse_key
from ozwald.planning.patterns import select

# How long a request waits while others change the wanted set, which takes milliseconds.
WAIT_S: Final = 2.0


def health(site: Site, call: Call) -> Answer:
    problems = site.vitals.problems()
    if not problems and site.vitals.active_elsewhere:
        return Answer(document={"status": "standby", "active": site.vitals.active_elsewhere})
    if not problems:
        return Answer(document={"status": "healthy"})
    return Answer(status=503, document={"status": "unhealthy", "detail": "; ".join(problems)})


def configured(site: Site, call: Call) -> Answer:
    realms = site.desk.settings.realms.values()
    return Answer(document=[definition_document(one) for realm in realms for one in realm.definitions.values()])


class ActiveList:
    """The active services, as JSON made once for each view."""

    def __init__(self) -> None:
        self._kept: tuple[str, bytes] = ("", b"")

    def __call__(self, site: Site, call: Call) -> Answer:
        view = site.board.view
        tag = f'"{site.vitals.boot}-{view.number}-{view.generation}"'
        headers = {"ETag": tag, "X-Ozwald-Generation": str(view.generation)}
        if _names(call.headers.get("if-none-match", ""), tag):
            return Answer(status=304, body=b"", headers=headers)
        return Answer(body=self._body(view, tag), headers=headers)

    def _body(self, view: View, tag: str) -> bytes:
        kept, body = self._kept
        if kept != tag:
            body = json.dumps([active_document(one) for one in view.services]).encode()
            self._kept = tag, body
        return body


def one_active(site: Site, call: Call) -> Answer:
    realm, _, name = call.arguments["name"].rpartition(":")
    found = [
        one for one in site.board.view.services if one.key.name == name and one.key.realm == (realm or one.key.realm)
    ]
    if not found:
        return refusal(404, f"no active service {name[:100]!r}; GET /srv/services/active/ lists them")
    if len({one.key for one in found}) > 1:
        raise WrongCall(f"say which: {', '.join(sorted(f'{one.key.realm}:{name}' for one in found))}")
    return Answer(document=active_document(found[0]))


def resources(site: Site, call: Call) -> Answer:
    view, pattern = site.board.view, call.query.get("host")
    chosen = {host.name for host in select(site.desk.settings.inventory, pattern)} if pattern is not None else None
    hosts = [name for name in view.hosts if chosen is None or name in chosen]
    if as_switch(call.query.get("refresh"), "refresh"):
        site.board.ask_to_probe(hosts)
        site.desk.wake()
    now = time.time()
    return Answer(document=[_facts(view, name, now) for name in hosts])


def update(site: Site, call: Call) -> Answer:
    settings = site.desk.settings
    asked = Exactly(requests=wanted_list(call.body, settings.realms, settings.inventory))
    with site.waiting.place() as may_wait:
        wanted = site.desk.submit(
            asked,
            author=author_of(call),
            expected=_expected(call.headers.get("if-match")),
            wait_s=WAIT_S if may_wait else 0.0,
        )
    return Answer(status=202, document={"status": "accepted", "generation": wanted.generation})


def restart(site: Site, call: Call) -> Answer:
    keys = [parse_key(name, site.desk.settings.realms) for name in name_list(call.body)]
    with site.waiting.place() as may_wait:
        wanted = site.desk.restart(
            keys,
            site.board.view.services,
            author=author_of(call),
            expected=_expected(call.headers.get("if-match")),
            wait_s=WAIT_S if may_wait else 0.0,
        )
    return Answer(status=202, document={"status": "accepted", "generation": wanted.generation})


def _facts(view: View, host: str, now: float) -> dict[str, object]:
    if host in view.resources:
        return resource_document(view.resources[host], now=now)
    return {"host": host, "detail": view.hosts[host] or "not looked at yet"}


def _names(header: str, tag: str) -> bool:
    """Whether an If-None-Match header names a tag."""
    return any(one.strip().removeprefix("W/") in (tag, "*") for one in header.split(","))


def _expected(header: str | None) -> int | None:
    """The generation that `If-Match` names, with or without quotes."""
    if header is None or header.strip() == "*":
        return None
    text = header.strip().strip('"')
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise WrongShape("If-Match must be a generation, as GET /srv/services/active/ has it in X-Ozwald-Generation")
    return int(text)
