"""Says of every value of a resolved service where it comes from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from ozwald.model.service import Layer, Origin, ServiceDefinition
from ozwald.planning.resolve import is_merged_map, merge


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One value: its place in the service (`environment.GPU`), the layer that set it, and where that is written."""

    path: str
    value: str
    layer: str
    origin: Origin | None


def explain(definition: ServiceDefinition, *, variety: str | None, profile: str | None) -> list[Explained]:
    """Every value of the service with this variety and profile, in the order of its keys."""
    stack = _named_layers(definition, variety=variety, profile=profile)
    found = []
    for field, value in sorted(merge(tuple(stack.values())).items()):
        if is_merged_map(field):
            found += [_explained((field, key), item, stack) for key, item in value.items()]
        else:
            found.append(_explained((field,), value, stack))
    return found


def _named_layers(definition: ServiceDefinition, *, variety: str | None, profile: str | None) -> dict[str, Layer]:
    named = {"service": definition.base}
    if variety is not None:
        named[f"variety {variety}"] = definition.varieties[variety].layer
    if profile is not None:
        named[f"profile {profile}"] = definition.profiles[profile].layer
    return named


def _explained(path: tuple[str, ...], value: Any, stack: Mapping[str, Layer]) -> Explained:
    layer, origin = _last_to_set(path, stack)
    return Explained(path=".".join(path), value=_text(value), layer=layer, origin=origin)


def _last_to_set(path: tuple[str, ...], stack: Mapping[str, Layer]) -> tuple[str, Origin | None]:
    """The highest layer that has the value; for merged lists that is the last one that added to them."""
    for name, layer in reversed(list(stack.items())):
        if path in layer.origins:
            return name, layer.origins[path]
    return "", None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(_plain(value), ensure_ascii=False, default=str)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {key: item for key, item in asdict(value).items() if item is not None}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value
