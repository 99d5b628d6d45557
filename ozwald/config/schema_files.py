"""The schema files, made ready for checking large trees."""

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from ozwald.config.quick_look import FITS, quick_look

SETTINGS = "settings.schema.json"
INVENTORY = "inventory.schema.json"
REQUESTS = "requests.schema.json"
FOOTPRINTS = "footprints.schema.json"
SPELLINGS = "spellings"

_ANNOTATIONS = frozenset(("$schema", "$id", "$defs", "$comment", "title", "description", "examples"))
_PARTS = frozenset(("items", "additionalProperties", "propertyNames"))


@cache
def load_schema(name: str) -> dict[str, Any]:
    """One of the schema files, as it stands."""
    text = resources.files("ozwald.config").joinpath("schemas", name).read_text("utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def published_schema(name: str) -> dict[str, Any]:
    """A schema for editors: what it refers to in other files is bundled with it under their `$id`."""
    schema = load_schema(name)
    others = {file: load_schema(file) for file in (SETTINGS, INVENTORY, REQUESTS) if f'"{file}#' in json.dumps(schema)}
    return {**schema, "$defs": {**schema.get("$defs", {}), **others}} if others else schema


def spellings(properties: Mapping[str, Any]) -> dict[str, str]:
    """The other spelling of each key, `env-file` to `env_file`: entries that only refer to another key."""
    found = {}
    for key, schema in properties.items():
        referred = schema.get("$ref", "").rpartition("/")[2]
        if len(schema) == 1 and referred and referred != key and referred in properties:
            found[key] = referred
    return found


@cache
def compiled_schema(name: str) -> Mapping[str, Any]:
    """A schema without references; its texts, spellings and quick look are kept."""
    return _compiled(load_schema(name), name)


def _compiled(schema: dict[str, Any], file: str) -> dict[str, Any]:
    """The schema without references and annotations: following references costs more than everything else."""
    if "$ref" in schema:
        return _referred(schema["$ref"], file)
    compiled = {key: value for key, value in schema.items() if key not in _ANNOTATIONS}
    for key in _PARTS & compiled.keys():
        if isinstance(compiled[key], dict):
            compiled[key] = _compiled(compiled[key], file)
    if "properties" in schema:
        others = spellings(schema["properties"])
        compiled[SPELLINGS] = others
        compiled["properties"] = {
            key: _compiled(part, file) for key, part in schema["properties"].items() if key not in others
        }
    compiled[FITS] = quick_look(compiled)
    return compiled


@cache
def _referred(reference: str, file: str) -> dict[str, Any]:
    name, _, pointer = reference.partition("#")
    file = name or file
    target: Any = load_schema(file)
    for step in pointer.strip("/").split("/"):
        target = target[step]
    return _compiled(target, file)
