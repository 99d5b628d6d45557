"""An active service as programs read it: the command line's JSON and the API's."""

from datetime import UTC, datetime
from typing import Any

from ozwald.model.active import ActiveService


def active_document(service: ActiveService) -> dict[str, Any]:
    """One service; `since` in ISO 8601, UTC."""
    since = datetime.fromtimestamp(service.since, UTC).isoformat() if service.since else None
    return {
        "name": service.key.name,
        "service": service.service,
        "realm": service.key.realm,
        "variety": service.variety,
        "profile": service.profile,
        "status": service.status.value,
        "reason": service.reason,
        "since": since,
        "host": service.host,
        "endpoint": service.endpoint,
        "image": service.image,
        "persistent": service.persistent,
        "generation": service.generation,
    }
