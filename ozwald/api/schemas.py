"""JSON Schemas of what goes in and out, by the names that the OpenAPI document gives them."""

from typing import Any, Final

from ozwald.model.active import Status
from ozwald.model.belongings import Kind
from ozwald.model.event import EventKind
from ozwald.model.footprint import Phase, RunStatus

MOST_INSTANCES: Final = 10_000

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
OPTIONAL: Final[Schema] = {"type": ["string", "null"]}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}


def closed(required: tuple[str, ...] | None = None, /, **properties: Schema) -> Schema:
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
    "Problem": closed(detail={**TEXT, "description": "What is wrong and what to do about it."}),
    "Health": closed(
        ("status",),
        status={**TEXT, "description": "`healthy` when all is well, `standby` while another controller is active."},
        detail=TEXT,
        active={**TEXT, "description": "The controller that this one stands by for."},
    ),
    "Definition": closed(
        realm=TEXT,
        name=TEXT,
        type=TEXT,
        description={"type": ["string", "null"]},
        varieties={
            "type": "object",
            "additionalProperties": closed(hardware={**TEXT, "enum": ["nvidia", "amdgpu", "cpu-only"]}, image=OPTIONAL),
        },
        profiles={"type": "array", "items": TEXT},
        image=OPTIONAL,
    ),
    "ActiveService": {
        "type": "object",
        "required": ["name", "service", "realm", "status", "reason"],
        "properties": {
            "name": TEXT,
            "service": TEXT,
            "realm": TEXT,
            "variety": OPTIONAL,
            "profile": OPTIONAL,
            "status": {**TEXT, "enum": [status.value for status in Status]},
            "reason": {**TEXT, "description": "Why it is so; empty when there is nothing to say."},
            "since": {"type": ["string", "null"], "format": "date-time"},
            "host": OPTIONAL,
            "endpoint": OPTIONAL,
            "image": OPTIONAL,
            "persistent": {
                "type": "boolean",
                "description": "Whether the settings want it whatever is asked for.",
            },
            "generation": {"type": ["integer", "null"]},
        },
    },
    "WantedInstance": closed(
        ("name",),
        name={**TEXT, "minLength": 1, "maxLength": 63, "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"},
        service={**OPTIONAL, "description": "The definition; without it, the one of the instance's name."},
        realm=OPTIONAL,
        variety=OPTIONAL,
        profile=OPTIONAL,
        host={**OPTIONAL, "description": "A host pattern; without it, Ozwald chooses."},
        replicas={"enum": [1, None], "description": "Ask for each copy as an instance of its own."},
        properties={"type": ["object", "null"], "maxProperties": 0, "description": "Put properties into a profile."},
    ),
    "WantedList": list_of("WantedInstance", maxItems=MOST_INSTANCES),
    "NameList": {"type": "array", "items": TEXT, "minItems": 1, "maxItems": MOST_INSTANCES},
    "Accepted": closed(status={**TEXT, "const": "accepted"}, generation=COUNT),
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
    "Event": closed(
        id={**COUNT, "description": "Grows with every event."},
        time={**TEXT, "format": "date-time"},
        kind={**TEXT, "enum": [kind.value for kind in EventKind]},
        host=OPTIONAL,
        realm=OPTIONAL,
        name={**OPTIONAL, "description": "The instance that it happened to."},
        service={**OPTIONAL, "description": "That instance's definition."},
        generation={"type": ["integer", "null"]},
        author={**OPTIONAL, "description": "Who asked, and how."},
        text={**TEXT, "description": "Why, and what changed."},
    ),
    "ServiceLog": closed(realm=TEXT, name=TEXT, lines=list_of("LogLine")),
    "LogLine": closed(
        time={**TEXT, "format": "date-time", "description": "When the engine took it."},
        host=TEXT,
        stream={**TEXT, "enum": ["stdout", "stderr"]},
        text=TEXT,
        partial={"type": "boolean", "description": "Whether the line goes on in the next one."},
    ),
    "FootprintOrder": closed(
        (),
        services=list_of("MeasuredService", maxItems=1000),
        footprint_all_services={"type": ["boolean", "null"], "description": "Every definition, in place of services."},
        host={**OPTIONAL, "description": "A host pattern; without it, all hosts that the provisioner manages."},
        run_time_s={
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 86400,
            "description": "How long each service rests once it is available; without it, what its definition says.",
        },
    ),
    "MeasuredService": closed(
        ("service_name",),
        service_name={**TEXT, "minLength": 1},
        realm=OPTIONAL,
        variety={**OPTIONAL, "description": "Without it, all that the definition has."},
        profile={**OPTIONAL, "description": "Without it, all that the definition has."},
    ),
    "FootprintAccepted": closed(status={**TEXT, "const": "accepted"}, request_id=TEXT),
    "FootprintRequest": closed(
        request_id=TEXT,
        status={**TEXT, "enum": [status.value for status in RunStatus]},
        asked_at={**TEXT, "format": "date-time"},
        author=TEXT,
        hosts={**OPTIONAL, "description": "The host pattern that was given."},
        run_time_s={"type": ["number", "null"]},
        is_cancelled={"type": "boolean"},
        is_spread={"type": "boolean", "description": "Whether there is a run for each model of card."},
        runs=list_of("FootprintRun"),
    ),
    "FootprintRun": closed(
        realm=TEXT,
        service_name=TEXT,
        variety=OPTIONAL,
        profile=OPTIONAL,
        card={**OPTIONAL, "description": "The model of card that it is measured on."},
        if_possible={"type": "boolean", "description": "Whether it is skipped where no host has its hardware."},
        attempts={**COUNT, "description": "How often it was begun."},
        host=OPTIONAL,
        status={**TEXT, "enum": [status.value for status in RunStatus]},
        phase={"enum": [*(phase.value for phase in Phase), None], "description": "How far it is, or was."},
        reason={**TEXT, "description": "What it waits for, or why it was not measured."},
        begun_at={"type": ["string", "null"], "format": "date-time"},
        ended_at={"type": ["string", "null"], "format": "date-time"},
    ),
    "FootprintLog": closed(
        realm=TEXT, service_name=TEXT, variety=OPTIONAL, profile=OPTIONAL, lines={"type": "array", "items": TEXT}
    ),
    "PruneOrder": closed(
        (),
        host={**OPTIONAL, "description": "A host pattern; without it, all hosts that the provisioner manages."},
        volumes={"type": ["boolean", "null"], "description": "Also volumes that services may have written to."},
        dry_run={"type": ["boolean", "null"], "description": "Only looks."},
        plan={**OPTIONAL, "description": "Removes what this dry run has found; only `wait_s` may be given besides."},
        wait_s={
            "type": ["number", "null"],
            "minimum": 0,
            "maximum": 86400,
            "description": "How long to wait on each host for what is in hand there (600).",
        },
    ),
    "PruneAccepted": closed(status={**TEXT, "const": "accepted"}, prune_id=TEXT),
    "Prune": closed(
        prune_id=TEXT,
        status={**TEXT, "enum": ["running", "ended"]},
        hosts={"type": "array", "items": TEXT},
        volumes={"type": "boolean"},
        dry_run={"type": "boolean"},
        removals=list_of("Removal"),
        unreachable={"type": "object", "additionalProperties": TEXT, "description": "Why hosts were not looked at."},
        waiting={"type": "object", "additionalProperties": TEXT, "description": "What is waited for, by host."},
    ),
    "Removal": closed(
        host=TEXT,
        kind={**TEXT, "enum": [kind.value for kind in (Kind.CONTAINER, Kind.NETWORK, Kind.VOLUME)]},
        name=TEXT,
        id=TEXT,
        what=TEXT,
        owner=OPTIONAL,
        created_at={"type": ["number", "null"], "description": "Seconds since the epoch."},
        size_bytes={"type": ["integer", "null"]},
        outcome={"enum": ["removed", "failed", None], "description": "Nothing as long as it was not tried."},
        error={**OPTIONAL, "description": "What is in the way."},
    ),
    "LaunchLog": closed(realm=TEXT, name=TEXT, lines={"type": "array", "items": TEXT}),
    "OpenApi": {"type": "object", "required": ["openapi", "info", "paths"]},
}
