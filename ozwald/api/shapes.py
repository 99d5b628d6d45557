"""The shapes of what is posted, checked by hand so that every refusal names its place."""

from collections.abc import Mapping
from typing import Any

from ozwald.errors import OzwaldError
from ozwald.model.service import InstanceRequest, Realm
from ozwald.planning.names import complete_request

MOST_INSTANCES = 10_000
_KEYS = ("name", "service", "realm", "variety", "profile", "host")


class WrongShape(OzwaldError):
    """The body is JSON, but not what is asked for here."""

    http_status = 422


def wanted_list(document: Any, realms: Mapping[str, Realm]) -> tuple[InstanceRequest, ...]:
    """The instances that an update asks for.

    Raises:
        WrongShape: the body has another shape.
        RequestError: it names something that does not exist.
    """
    if not isinstance(document, list):
        raise WrongShape('the body must be a list of instances: [{"name": "chat", "service": "llm"}]')
    if len(document) > MOST_INSTANCES:
        raise WrongShape(f"{len(document)} instances are more than {MOST_INSTANCES}")
    return tuple(complete_request(realms, **_entry(entry, f"body[{index}]")) for index, entry in enumerate(document))


def _entry(entry: Any, place: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise WrongShape(f"{place} must be a map with name and service")
    unknown = sorted(key for key in entry if key not in _KEYS)
    if unknown:
        raise WrongShape(f"{place}: {unknown[0][:40]!r} is not known; there are {', '.join(_KEYS)}")
    for key, value in entry.items():
        if value is not None and not isinstance(value, str):
            raise WrongShape(f"{place}.{key} must be text")
    if not entry.get("name"):
        raise WrongShape(f"{place}.name is missing")
    return entry
