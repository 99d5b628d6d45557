"""The routes: each reads the board or hands a request to the desk, and never touches a host."""

import json
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import bottle

from ozwald.api.access import is_authorized, is_known_host
from ozwald.api.shapes import WrongShape, wanted_list
from ozwald.api.strict_json import MOST_BYTES, NotJson, read_json
from ozwald.controller.board import Board
from ozwald.controller.desk import Desk
from ozwald.controller.vitals import Vitals
from ozwald.errors import OzwaldError
from ozwald.model.active_document import active_document
from ozwald.model.history import Author
from ozwald.model.resource_document import resource_document
from ozwald.planning.asking import Exactly
from ozwald.planning.definition_document import definition_document
from ozwald.planning.patterns import select

log = logging.getLogger(__name__)

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
JSON = {**HEADERS, "Content-Type": "application/json"}
UPDATE_PATHS = ("/srv/services/active/update", "/srv/services/update", "/srv/services/dynamic/update")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the handlers work with; `names` are those by which this server may be called."""

    board: Board
    desk: Desk
    vitals: Vitals
    key: bytes
    names: Collection[str]


def make_app(site: Site) -> bottle.Bottle:
    """The WSGI application."""
    app = bottle.Bottle()
    app.catchall = True
    routes = _Routes(site)
    app.install(_guard(site))
    _get(app, "/health", routes.health)
    _get(app, "/srv/services/configured", routes.configured)
    _get(app, "/srv/services/active", routes.active)
    _get(app, "/srv/services/active/<name>", routes.one_active)
    _get(app, "/srv/host/resources", routes.resources)
    for path in UPDATE_PATHS:
        _route(app, path, "POST", routes.update)
    app.default_error_handler = _error
    return app


class _Routes:
    def __init__(self, site: Site) -> None:
        self._site = site
        self._kept: tuple[int, bytes] = (-1, b"")

    def health(self) -> bottle.HTTPResponse:
        problems = self._site.vitals.problems()
        if not problems:
            return _answer(200, {"status": "healthy"})
        return _answer(503, {"status": "unhealthy", "detail": "; ".join(problems)})

    def configured(self) -> bottle.HTTPResponse:
        realms = self._site.desk.settings.realms.values()
        return _answer(200, [definition_document(one) for realm in realms for one in realm.definitions.values()])

    def active(self) -> bottle.HTTPResponse:
        view = self._site.board.view
        tag = f'"{self._site.vitals.boot}-{view.number}"'
        if bottle.request.headers.get("If-None-Match") == tag:
            return bottle.HTTPResponse(status=304, headers={**HEADERS, "ETag": tag})
        number, body = self._kept
        if number != view.number:
            body = json.dumps([active_document(one) for one in view.services]).encode()
            self._kept = view.number, body
        headers = {**JSON, "ETag": tag, "X-Ozwald-Generation": str(view.generation)}
        return bottle.HTTPResponse(body, status=200, headers=headers)

    def one_active(self, name: str) -> bottle.HTTPResponse:
        realm, _, instance = name.rpartition(":")
        found = [
            active_document(one)
            for one in self._site.board.view.services
            if one.key.name == instance and one.key.realm == (realm or one.key.realm)
        ]
        if not found:
            return _answer(404, {"detail": f"no active service {name[:100]!r}; GET /srv/services/active/ lists them"})
        return (
            _answer(200, found[0])
            if len(found) == 1
            else _answer(300, {"detail": "it is in several places", "services": found})
        )

    def resources(self) -> bottle.HTTPResponse:
        view, pattern = self._site.board.view, bottle.request.query.get("host")
        inventory = self._site.desk.settings.inventory
        chosen = {host.name for host in select(inventory, pattern)} if pattern else set(view.hosts)
        now = time.time()
        return _answer(
            200,
            [
                resource_document(view.resources[name], now=now)
                if name in view.resources
                else {"host": name, "detail": reason or "not looked at yet"}
                for name, reason in view.hosts.items()
                if name in chosen
            ],
        )

    def update(self) -> bottle.HTTPResponse:
        site = self._site
        requests = wanted_list(read_json(_body()), site.desk.settings.realms)
        wanted = site.desk.submit(
            Exactly(requests=requests),
            author=Author(owner="api", command=f"POST {bottle.request.path}"),
            expected=_expected(bottle.request.headers.get("If-Match")),
        )
        return _answer(202, {"status": "accepted", "generation": wanted.generation})


def _get(app: bottle.Bottle, path: str, handler: Callable[..., Any]) -> None:
    _route(app, path, "GET", handler)


def _route(app: bottle.Bottle, path: str, method: str, handler: Callable[..., Any]) -> None:
    """With a slash at the end or without."""
    for form in (path, f"{path}/"):
        app.route(form, method=method, callback=handler)


def _guard(site: Site) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Checks who asks before anything else is done, and turns our errors into answers."""

    def plugin(handler: Callable[..., Any]) -> Callable[..., Any]:
        def guarded(*arguments: Any, **named: Any) -> Any:
            request = bottle.request
            if not is_known_host(request.environ.get("HTTP_HOST"), site.names):
                return _answer(421, {"detail": "this server is not known by that name; see --listen"})
            is_open = request.path.rstrip("/") == "/health"
            if not is_open and not is_authorized(request.environ.get("HTTP_AUTHORIZATION"), site.key):
                return _answer(401, {"detail": "send the header Authorization: Bearer <OZWALD_SYSTEM_KEY>"})
            return _answered(handler, *arguments, **named)

        return guarded

    return plugin


def _answered(handler: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    try:
        return handler(*arguments, **named)
    except NotJson as err:
        return _answer(400, {"detail": str(err)})
    except OzwaldError as error:
        return _answer(error.http_status, {"detail": str(error)})


def _body() -> bytes:
    if (bottle.request.content_length or 0) > MOST_BYTES:
        raise WrongShape(f"the body is larger than {MOST_BYTES // 1024} KiB")
    content: bytes = bottle.request.body.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise WrongShape(f"the body is larger than {MOST_BYTES // 1024} KiB")
    return content


def _expected(header: str | None) -> int | None:
    """The generation that `If-Match` names, with or without quotes."""
    if header is None or header.strip() == "*":
        return None
    text = header.strip().strip('"')
    if not text.isascii() or not text.isdecimal() or len(text) > 18:
        raise WrongShape("If-Match must be a generation, as GET /srv/services/active/ has it in X-Ozwald-Generation")
    return int(text)


def _answer(status: int, document: Any) -> bottle.HTTPResponse:
    return bottle.HTTPResponse(json.dumps(document), status=status, headers=JSON)


def _error(error: bottle.HTTPError) -> str:
    """What Bottle itself refuses, in our form; the trace of a mistake goes to the log and to nobody else."""
    if error.exception is not None:
        log.error("a request failed: %s\n%s", error.exception, error.traceback)
    for header, value in JSON.items():
        bottle.response.set_header(header, value)
    texts = {404: "there is no such path; GET /openapi.json lists them", 405: "this path does not take that method"}
    status = int(error.status_code)
    return json.dumps({"detail": texts.get(status, "the request could not be answered; see the provisioner's log")})
