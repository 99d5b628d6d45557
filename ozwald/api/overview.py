"""What the command line asks a provisioner: the wanted set as it is stored, and how everything is at one glance."""

import time
from collections import Counter

from ozwald.api.answers import Answer
from ozwald.api.calls import Call
from ozwald.api.schemas import COUNT, OPTIONAL, TEXT, Schema, closed
from ozwald.api.site import Site
from ozwald.controller.board import View
from ozwald.model.footprint import RunStatus
from ozwald.state.wanted import instance_entry

_AGE: Schema = {"type": ["number", "null"], "minimum": 0}

WANTED: Schema = closed(
    generation=COUNT,
    instances={
        "type": "array",
        "items": closed(
            name=TEXT,
            service=TEXT,
            realm=TEXT,
            variety=OPTIONAL,
            profile=OPTIONAL,
            host=OPTIONAL,
            placed_on=OPTIONAL,
            persistent={"type": "boolean"},
        ),
    },
)
STATUS: Schema = closed(
    status=TEXT,
    active={**OPTIONAL, "description": "The active controller, where this one stands by for it."},
    loop=closed(problem=TEXT, pass_age_s=_AGE),
    redis=closed(problem=TEXT),
    generation=closed(wanted=COUNT, seen=COUNT),
    hosts={"type": "array", "items": closed(host=TEXT, reachable={"type": "boolean"}, detail=TEXT, facts_age_s=_AGE)},
    services={"type": "object", "additionalProperties": COUNT},
    footprints=closed(queued=COUNT, running=COUNT),
)


def wanted(site: Site, call: Call) -> Answer:
    stored = site.desk.wanted()
    return Answer(
        document={
            "generation": stored.generation if stored else 0,
            "instances": [instance_entry(one) for one in stored.instances] if stored else [],
        }
    )


def status(site: Site, call: Call) -> Answer:
    view, vitals = site.board.view, site.vitals
    stored = site.desk.wanted()
    standby = "standby" if vitals.active_elsewhere else "healthy"
    return Answer(
        document={
            "status": "unhealthy" if vitals.problems() else standby,
            "active": vitals.active_elsewhere or None,
            "loop": {"problem": vitals.loop_problem(), "pass_age_s": vitals.pass_age_s()},
            "redis": {"problem": vitals.redis_problem()},
            "generation": {"wanted": stored.generation if stored else 0, "seen": view.generation},
            "hosts": [_host(view, name) for name in view.hosts],
            "services": dict(Counter(one.status.value for one in view.services)),
            "footprints": _footprints(site),
        }
    )


def _footprints(site: Site) -> dict[str, int]:
    """How many runs wait, and how many are measured."""
    counts = Counter(run.status for request in site.footprints.requests() for run in request.runs)
    return {"queued": counts[RunStatus.QUEUED], "running": counts[RunStatus.RUNNING]}


def _host(view: View, name: str) -> dict[str, object]:
    facts = view.resources.get(name)
    return {
        "host": name,
        "reachable": not view.hosts[name],
        "detail": view.hosts[name],
        "facts_age_s": max(0.0, time.time() - facts.observed_at) if facts else None,
    }
