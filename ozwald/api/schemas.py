"""JSON Schemas of what goes in and out, by the names that the OpenAPI document gives them."""

from typing import Any, Final

from ozwald.model.active import Status
from ozwald.model.event import EventKind

MOST_INSTANCES: Final = 10_000

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
_OPTIONAL: Final[Schema] = {"type": ["string", "null"]}
_COUNT: Final[Schema] = {"type": "integer", "minimum": 0}


def _object(required: tuple[str, ...] | None = None, /, **properties: Schema) -> Schema:
    """A closed object; all is required where nothing else is said."""
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    names = list(properties) if required is None else list(required)
    return found | ({"required": names} if names else {})


def list_of(name: str, **more: Any) -> Schema:
    """A list of what is called so."""
    return {"type": "array", "items": reference(name), **more}


def reference(name: str) -> Schema:
    """Stands for the schema of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


SCHEMAS: Final[dict[str, Schema]] = {
    "Problem": _object(detail={**TEXT, "description": "What is wrong and what to do about it."}),
    "Health": _object(
        ("status",),
        status={**TEXT, "description": "`healthy` when all is well, `standby` while another controller is active."},
        detail=TEXT,
        active={**TEXT, "description": "The controller that this one stands by for."},
    ),
    "Definition": _object(
        realm=TEXT,
        name=TEXT,
        type=TEXT,
        description={"type": ["string", "null"]},
        varieties={
            "type": "object",
            "additionalProperties": _object(
                hardware={**TEXT, "enum": ["nvidia", "amdgpu", "cpu-only"]}, image=_OPTIONAL
            ),
        },
        profiles={"type": "array", "items": TEXT},
        image=_OPTIONAL,
    ),
    "ActiveService": {
        "type": "object",
        "required": ["name", "service", "realm", "status", "reason"],
        "properties": {
            "name": TEXT,
            "service": TEXT,
            "realm": TEXT,
            "variety": _OPTIONAL,
            "profile": _OPTIONAL,
            "status": {**TEXT, "enum": [status.value for status in Status]},
            "reason": {**TEXT, "description": "Why it is so; empty when there is nothing to say."},
            "since": {"type": ["string", "null"], "format": "date-time"},
            "host": _OPTIONAL,
            "endpoint": _OPTIONAL,
            "image": _OPTIONAL,
            "generation": {"type": ["integer", "null"]},
        },
    },
    "WantedInstance": _object(
        ("name",),
        name={**TEXT, "minLength": 1, "maxLength": 63, "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"},
        service={**_OPTIONAL, "description": "The definition; without it, the one of the instance's name."},
        realm=_OPTIONAL,
        variety=_OPTIONAL,
        profile=_OPTIONAL,
        host={**_OPTIONAL, "description": "A host pattern; without it, Ozwald chooses."},
        replicas={"enum": [1, None], "description": "Ask for each copy as an instance of its own."},
        properties={"type": ["object", "null"], "maxProperties": 0, "description": "Put properties into a profile."},
    ),
    "WantedList": list_of("WantedInstance", maxItems=MOST_INSTANCES),
    "Accepted": _object(status={**TEXT, "const": "accepted"}, generation=_COUNT),
    "HostFacts": {
        "type": "object",
        "description": "One host's facts and their age in seconds, or why there are none.",
        "required": ["host"],
        "properties": {
            "host": TEXT,
            "age_s": {"type": "number", "minimum": 0},
            "detail": TEXT,
        },
    },
    "Event": _object(
        id={**_COUNT, "description": "Grows with every event."},
        time={**TEXT, "format": "date-time"},
        kind={**TEXT, "enum": [kind.value for kind in EventKind]},
        host=_OPTIONAL,
        realm=_OPTIONAL,
        name={**_OPTIONAL, "description": "The instance that it happened to."},
        service={**_OPTIONAL, "description": "That instance's definition."},
        generation={"type": ["integer", "null"]},
        author={**_OPTIONAL, "description": "Who asked, and how."},
        text={**TEXT, "description": "Why, and what changed."},
    ),
    "OpenApi": {"type": "object", "required": ["openapi", "info", "paths"]},
}
