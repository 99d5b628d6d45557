"""Requests for footprints as programs read them: in the queue's file, the API's and the command line's JSON."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ozwald.model.footprint import Combination, FootprintRequest, Phase, Run, RunStatus


def request_document(request: FootprintRequest) -> dict[str, Any]:
    """A request with its runs; times are ISO 8601 in UTC."""
    return {
        "request_id": request.request_id,
        "status": request.status.value,
        "asked_at": _written(request.asked_at),
        "author": request.author,
        "hosts": request.hosts,
        "run_time_s": request.run_time_s,
        "is_cancelled": request.is_cancelled,
        "is_spread": request.is_spread,
        "runs": [_run_document(run) for run in request.runs],
    }


def read_request(document: Mapping[str, Any]) -> FootprintRequest:
    """The request of a document; raises KeyError, TypeError or ValueError where it is none."""
    return FootprintRequest(
        request_id=str(document["request_id"]),
        asked_at=_read_time(document["asked_at"]) or 0.0,
        author=str(document["author"]),
        hosts=document["hosts"],
        run_time_s=document["run_time_s"],
        is_cancelled=bool(document["is_cancelled"]),
        is_spread=bool(document["is_spread"]),
        runs=tuple(_read_run(one) for one in document["runs"]),
    )


def _run_document(run: Run) -> dict[str, Any]:
    combination = run.combination
    return {
        "realm": combination.realm,
        "service_name": combination.service,
        "variety": combination.variety,
        "profile": combination.profile,
        "card": run.card,
        "if_possible": run.if_possible,
        "attempts": run.attempts,
        "host": run.host,
        "status": run.status.value,
        "phase": run.phase.value if run.phase else None,
        "reason": run.reason,
        "begun_at": _written(run.begun_at),
        "ended_at": _written(run.ended_at),
    }


def _read_run(document: Mapping[str, Any]) -> Run:
    return Run(
        combination=Combination(
            realm=str(document["realm"]),
            service=str(document["service_name"]),
            variety=document["variety"],
            profile=document["profile"],
        ),
        card=document["card"],
        if_possible=bool(document["if_possible"]),
        attempts=int(document["attempts"]),
        host=document["host"],
        status=RunStatus(document["status"]),
        phase=None if document["phase"] is None else Phase(document["phase"]),
        reason=str(document["reason"]),
        begun_at=_read_time(document["begun_at"]),
        ended_at=_read_time(document["ended_at"]),
    )


def _written(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat()


def _read_time(text: str | None) -> float | None:
    return None if text is None else datetime.fromisoformat(text).timestamp()
