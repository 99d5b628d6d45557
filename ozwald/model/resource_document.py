"""The facts of hosts as JSON has them: `show_host_resources --output json` and the HTTP API; docs/resources.md."""

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from ozwald.model.resources import Gpu, HostResources


def resource_document(resources: HostResources, *, now: float) -> dict[str, Any]:
    """One host's facts with their age at `now`, seconds since the epoch."""
    document: dict[str, Any] = {"host": resources.host, "age_s": round(max(0.0, now - resources.observed_at), 3)}
    document |= asdict(resources)
    document["gpus"] = [_card(gpu) for gpu in resources.gpus]
    plain: dict[str, Any] = _plain(document)
    return plain


def read_resources(document: Mapping[str, Any]) -> HostResources:
    """The other way round; names that a newer version has added are left out.

    Raises:
        KeyError, TypeError, ValueError: it is no such document.
    """
    found: HostResources = _value(HostResources, document)
    return found


def _value(kind: Any, value: Any) -> Any:
    """A value of an annotated type, from what JSON has of it."""
    if get_origin(kind) is UnionType:
        inner = next(one for one in get_args(kind) if one is not type(None))
        return None if value is None else _value(inner, value)
    if get_origin(kind) is tuple:
        return tuple(_value(get_args(kind)[0], one) for one in value)
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{one.name: _value(hints[one.name], value[one.name]) for one in fields(kind) if one.name in value})
    return kind(value) if isinstance(kind, type) and issubclass(kind, Enum) else value


def _card(gpu: Gpu) -> dict[str, Any]:
    card: dict[str, Any] = {}
    for key, value in asdict(gpu).items():
        card[key] = value
        if key == "vram_reserved_bytes":
            card["vram_free_bytes"] = gpu.vram_free_bytes
    return card | {"hardware": gpu.hardware.value}


def _plain(value: Any) -> Any:
    """The same of lists and maps only, which every writer of JSON or YAML knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
