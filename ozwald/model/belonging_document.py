"""What is removed from hosts, as programs read it: the API's and the command line's JSON."""

from collections.abc import Mapping
from typing import Any

from ozwald.model.belongings import Belonging, Kind, Prune, Removal

_FIELDS = ("kind", "id", "name", "what", "owner", "created_at", "size_bytes")


def belonging_document(host: str, one: Belonging) -> dict[str, Any]:
    """One thing on a host."""
    return {
        "host": host,
        "kind": one.kind.value,
        "name": one.name,
        "id": one.id,
        "what": one.what,
        "owner": one.owner,
        "created_at": one.created_at,
        "size_bytes": one.size_bytes,
    }


def removal_document(host: str, one: Removal) -> dict[str, Any]:
    """One thing on a host that was removed, or could not be."""
    outcome = {"outcome": "failed" if one.error else "removed", "error": one.error or None}
    return belonging_document(host, one.belonging) | outcome


def prune_document(prune: Prune) -> dict[str, Any]:
    """How far a request is: what may go has no outcome yet, and all of a host has one once it is done there."""
    found = {host: ones for host, ones in (prune.found or {}).items() if host not in prune.removed}
    undone = {"outcome": None, "error": None}
    return {
        "prune_id": prune.prune_id,
        "status": "ended" if prune.is_ended else "running",
        "hosts": list(prune.hosts),
        "volumes": prune.with_written,
        "dry_run": prune.dry_run,
        "removals": [
            *(removal_document(host, one) for host, ones in sorted(prune.removed.items()) for one in ones),
            *(belonging_document(host, one) | undone for host, ones in sorted(found.items()) for one in ones),
        ],
        "unreachable": dict(prune.unreachable),
        "waiting": dict(prune.waiting),
    }


def read_removal(document: Mapping[str, Any]) -> Removal:
    """What became of one thing; raises KeyError or ValueError where the document is none of ours."""
    fields = {name: document[name] for name in _FIELDS}
    belonging = Belonging(**fields | {"kind": Kind(fields["kind"])})
    return Removal(belonging=belonging, error=document["error"] or "")
