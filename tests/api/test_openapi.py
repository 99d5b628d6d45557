"""The OpenAPI document says what the routes are, and nothing else."""

import re

import jsonschema
import pytest

from ozwald.api.openapi import document
from ozwald.api.routes import ROUTES
from ozwald.api.schemas import SCHEMAS
from ozwald.model.log import LogMessage, LogSource
from tests.api.calling import CHAT, Api, has_measured, has_pruned

BODIES: dict[str, object] = {"/srv/services/footprint": {"footprint_all_services": True}, "/srv/prune/": {}}


def test_every_route_is_in_the_document_that_is_served(api: Api) -> None:
    status, headers, served = api.call("GET", "/openapi.json")

    assert (status, headers["content-type"]) == (200, "application/json")
    listed = {(path, method.upper()) for path, one in served["paths"].items() for method in one}
    assert listed == {(path, route.method) for route in ROUTES for path in route.paths} | {("/openapi.json", "GET")}


def test_every_route_in_the_document_is_answered(api: Api) -> None:
    source = LogSource(container_id="c1", host="box1")
    api.site.service_logs.append(CHAT.key, [LogMessage(1, "stdout", b"hello\n", source)])
    api.site.launch_logs.append(CHAT.key, "box1: done", at=0.0)
    has_measured(api, "chat")
    has_pruned(api, "chat")
    for path, operations in document(ROUTES)["paths"].items():
        for method, operation in operations.items():
            status, _, answer = api.call(method.upper(), re.sub(r"\{\w+\}", "chat", path), BODIES.get(path, []))
            reply = operation["responses"][str(status)]
            assert status == 422 if operation["operationId"] == "restart" else status in (200, 202)
            _check(answer, reply["content"]["application/json"]["schema"])


def test_what_is_open_is_only_health() -> None:
    operations = [one for path in document(ROUTES)["paths"].values() for one in path.values()]

    assert [one["operationId"] for one in operations if one.get("security") == []] == ["health"]


def test_every_schema_is_used_and_every_reference_has_one() -> None:
    text = str({"routes": document(ROUTES)["paths"], "schemas": SCHEMAS})

    assert set(re.findall(r"#/components/schemas/(\w+)", text)) | {"OpenApi"} == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])


def _check(answer: object, schema: dict[str, object]) -> None:
    jsonschema.validate(answer, {**schema, "components": {"schemas": SCHEMAS}})
