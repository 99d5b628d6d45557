"""The WSGI application: who asks is checked first, then the table of routes answers."""

import json
import logging
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import bottle

from ozwald.api.access import UNAUTHORIZED, is_authorized, is_known_host, is_open
from ozwald.api.answers import HEADERS, JSON, Answer, refusal
from ozwald.api.calls import Call, read_body, read_query
from ozwald.api.openapi import document
from ozwald.api.routes import ROUTES, Route
from ozwald.api.schemas import reference
from ozwald.api.site import Site
from ozwald.controller.desk import Crowded
from ozwald.errors import OzwaldError

__all__ = ["ALL_ROUTES", "Site", "make_app"]

log = logging.getLogger(__name__)

RETRY_AFTER_S: Final = "1"

_TEXTS = {
    404: "there is no such path; GET /openapi.json lists them",
    405: "this path does not take that method; the header Allow lists those that it takes",
}


def _described() -> tuple[Route, ...]:
    """All routes: those of the table, and the one that describes them and itself."""
    own = Route(
        method="GET",
        path="/openapi.json",
        name="openapi",
        about="This document.",
        handler=lambda _site, _call: Answer(body=text),
        answers={200: reference("OpenApi")},
    )
    text = json.dumps(document((*ROUTES, own))).encode()
    return (*ROUTES, own)


ALL_ROUTES: Final = _described()


def make_app(site: Site) -> bottle.Bottle:
    """The WSGI application."""
    app = bottle.Bottle()
    app.add_hook("before_request", lambda: _check_caller(site))
    app.default_error_handler = _error
    for route in ALL_ROUTES:
        for path in route.paths:
            _mount(app, path, route, site)
    return app


def _mount(app: bottle.Bottle, path: str, route: Route, site: Site) -> None:
    """With a slash at the end and without."""
    bare = _rule(path.rstrip("/"))
    for form in (bare, f"{bare}/"):
        app.route(form, method=route.method, callback=_answering(route, site))


def _rule(path: str) -> str:
    """Bottle's form of a path, in which a name is never a word that another route has at that place."""
    before, brace, after = path.partition("{")
    if not brace:
        return path
    name, _, rest = after.partition("}")
    paths = [other.rstrip("/") for route in ALL_ROUTES for other in route.paths]
    words = "|".join(
        re.escape(other[len(before) :]) for other in paths if other.startswith(before) and "{" not in other
    )
    taken = f"(?!(?:{words})/?$)" if words else ""
    return f"{before}<{name}:re:{taken}[^/]+>{rest}"


def _answering(route: Route, site: Site) -> Callable[..., bottle.HTTPResponse]:
    known = [parameter.name for parameter in route.query]

    def answer(**arguments: str) -> bottle.HTTPResponse:
        try:
            return _sent(route.handler(site, _call(route, arguments, known)))
        except Crowded as error:
            return _sent(refusal(error.http_status, str(error), **{"Retry-After": RETRY_AFTER_S}))
        except OzwaldError as error:
            return _sent(refusal(error.http_status, str(error)))

    return answer


def _call(route: Route, arguments: Mapping[str, str], known: list[str]) -> Call:
    request = bottle.request
    headers = _headers(request.environ)
    return Call(
        path=request.path,
        arguments=arguments,
        query=read_query(request.query_string, known),
        headers=headers,
        body=None if route.body is None else read_body(request.body.read(), headers),
    )


def _headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """As they came: Bottle's own view of them fails on what is not UTF-8."""
    found = {name[5:].replace("_", "-").lower(): text for name, text in environ.items() if name.startswith("HTTP_")}
    kind = environ.get("CONTENT_TYPE")
    return {**found, "content-type": kind} if kind else found


def _check_caller(site: Site) -> None:
    """Before a path is looked up, so that only who has the key learns which there are."""
    environ = bottle.request.environ
    if not is_known_host(environ.get("HTTP_HOST"), site.names):
        raise _sent(refusal(421, "this server is not known by that name; see --listen"))
    if not is_open(bottle.request.path) and not is_authorized(environ.get("HTTP_AUTHORIZATION"), site.key):
        raise _sent(refusal(401, UNAUTHORIZED, **{"WWW-Authenticate": "Bearer"}))


def _sent(answer: Answer) -> bottle.HTTPResponse:
    headers = HEADERS if answer.status == 304 else JSON
    return bottle.HTTPResponse(answer.content, status=answer.status, headers={**headers, **answer.headers})


def _error(error: bottle.HTTPError) -> str:
    """What Bottle itself refuses, in our form; the trace of a mistake goes to the log and to nobody else."""
    if error.exception is not None:
        log.error("a request failed: %s\n%s", error.exception, error.traceback)
    for header, value in JSON.items():
        bottle.response.set_header(header, value)
    detail = _TEXTS.get(int(error.status_code), "the request could not be answered; see the provisioner's log")
    return json.dumps({"detail": detail})
