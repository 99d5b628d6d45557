"""The OpenAPI 3.1 document, made from the table of routes."""

import re
from collections.abc import Iterable
from typing import Any

import ozwald
from ozwald.api.routes import Parameter, Route
from ozwald.api.schemas import SCHEMAS, TEXT, Schema, reference

JSON = "application/json"
# What the server and the door may say to any call, whatever the route.
REFUSALS = {
    400: "The request cannot be read, or names something that does not exist.",
    401: "The key is missing or wrong.",
    408: "The request did not arrive in time.",
    413: "The body is larger than 1 MiB.",
    421: "The Host header names another server.",
    431: "The headers are larger than 16 KiB.",
    500: "A mistake of the provisioner's; its log says more.",
    503: "The provisioner cannot do this now, and why.",
}
OWN = {
    200: "Done.",
    202: "Accepted; durable where the route does not say otherwise.",
    304: "Not changed.",
    404: "There is no such thing.",
    409: "Somebody else changed it first.",
    415: "The body is not JSON.",
    422: "The body has another shape.",
    503: "Not well, and why.",
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """The document of these routes."""
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        for number, path in enumerate(route.paths):
            paths.setdefault(path, {})[route.method.lower()] = _operation(route, number)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Ozwald provisioner",
            "version": ozwald.__version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "OZWALD_SYSTEM_KEY"}},
        },
        "security": [{"key": []}],
    }


def _operation(route: Route, number: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "operationId": route.name if number == 0 else f"{route.name}_{number + 1}",
        "summary": route.about,
        "parameters": _parameters(route),
        "responses": {str(status): reply for status, reply in sorted(_replies(route).items())},
    }
    if route.body is not None:
        found["requestBody"] = {"required": True, "content": {JSON: {"schema": route.body}}}
    if route.is_open:
        found["security"] = []
    return found


def _parameters(route: Route) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {**TEXT, "minLength": 1}}
        for name in re.findall(r"\{(\w+)\}", route.path)
    ]
    return in_path + [
        {"name": one.name, "in": place, "description": one.about, "schema": one.schema}
        for place, those in (("query", route.query), ("header", route.headers))
        for one in _sorted(those)
    ]


def _sorted(parameters: Iterable[Parameter]) -> list[Parameter]:
    return sorted(parameters, key=lambda one: one.name)


def _replies(route: Route) -> dict[int, dict[str, Any]]:
    refusals = {status: _reply(text, reference("Problem")) for status, text in REFUSALS.items()}
    return refusals | {status: _reply(OWN[status], schema) for status, schema in route.answers.items()}


def _reply(text: str, schema: Schema | None) -> dict[str, Any]:
    return {"description": text} | ({} if schema is None else {"content": {JSON: {"schema": schema}}})
