"""The shapes of what is posted, checked by hand so that every refusal names its place."""

from collections.abc import Mapping, Sequence
from typing import Any

from ozwald.api.schemas import MOST_INSTANCES, SCHEMAS
from ozwald.errors import OzwaldError
from ozwald.model.host import Inventory
from ozwald.model.realm import Realm
from ozwald.model.request import InstanceRequest
from ozwald.planning.names import complete_request
from ozwald.planning.patterns import select

_KEYS = tuple(SCHEMAS["WantedInstance"]["properties"])


class WrongShape(OzwaldError):
    """The body is JSON, but not what is asked for here."""

    http_status = 422


def wanted_list(document: Any, realms: Mapping[str, Realm], inventory: Inventory) -> tuple[InstanceRequest, ...]:
    """The instances that an update asks for.

    Raises:
        WrongShape: the body has another shape.
        RequestError: it names something that does not exist.
    """
    if not isinstance(document, list):
        raise WrongShape('the body must be a list of instances: [{"name": "chat", "service": "llm"}]')
    if len(document) > MOST_INSTANCES:
        raise WrongShape(f"{len(document)} instances are more than {MOST_INSTANCES}")
    requests = [complete_request(realms, **_entry(entry, f"body[{index}]")) for index, entry in enumerate(document)]
    for pattern in {request.host for request in requests if request.host is not None}:
        select(inventory, pattern)
    return tuple(requests)


def name_list(document: Any) -> list[str]:
    """The names of instances that are to be restarted; raises WrongShape."""
    if not isinstance(document, list) or not all(isinstance(name, str) for name in document):
        raise WrongShape('the body must be a list of names: ["chat", "lab:db"]')
    if not 0 < len(document) <= MOST_INSTANCES:
        raise WrongShape(f"the body must have at least one name and at most {MOST_INSTANCES}")
    return document


def map_of(document: Any, known: Sequence[str], place: str) -> dict[str, Any]:
    """A map that has none but the known keys; raises WrongShape."""
    if not isinstance(document, dict):
        raise WrongShape(f"{place} must be a map with {' or '.join(known[:2])}")
    unknown = sorted(key for key in document if key not in known)
    if unknown:
        raise WrongShape(f"{place}: {unknown[0][:40]!r} is not known; there are {', '.join(known)}")
    return document


def text_of(body: Mapping[str, Any], key: str, place: str) -> str | None:
    """A text that may be left out; raises WrongShape."""
    value = body.get(key)
    if not isinstance(value, str | None):
        raise WrongShape(f"{place}.{key} must be text")
    return value


def seconds_of(body: Mapping[str, Any], key: str, place: str, *, most: float) -> float | None:
    """A number of seconds that may be left out; raises WrongShape."""
    value = body.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise WrongShape(f"{place}.{key} must be a number of seconds from 0 to {most:.0f}")
    return float(value)


def _entry(entry: Any, place: str) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise WrongShape(f"{place} must be a map with name and service")
    unknown = sorted(key for key in entry if key not in _KEYS)
    if unknown:
        raise WrongShape(f"{place}: {unknown[0][:40]!r} is not known; there are {', '.join(_KEYS)}")
    texts = _without_what_is_fixed(entry, place)
    for key, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise WrongShape(f"{place}.{key} must be text")
    if not texts.get("name"):
        raise WrongShape(f"{place}.name is missing")
    return texts


def _without_what_is_fixed(entry: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Takes out what may be said but has one value only; another is refused with the way that there is."""
    replicas, properties = entry.get("replicas"), entry.get("properties")
    if replicas is not None and (replicas != 1 or isinstance(replicas, bool | float)):
        raise WrongShape(f"{place}.replicas can only be 1: ask for each copy as an instance with a name of its own")
    if properties not in (None, {}):
        raise WrongShape(f"{place}.properties must be empty: put properties into a profile and ask for that")
    return {key: value for key, value in entry.items() if key not in ("replicas", "properties")}
