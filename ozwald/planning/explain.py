"""Says of every value of a resolved service where it comes from."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass
from typing import Any

from ozwald.model.realm import Layer, Origin, ServiceDefinition
from ozwald.planning.resolve import completed, is_merged, merge, parts


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
    merged = merge(tuple(stack.values()))
    found = []
    for field, value in sorted(completed(merged).items()):
        if field == "env_file":
            value = [file.path for file in value]
        if is_merged(field):
            found += [_explained((field, key), item, stack, merged) for key, item in parts(value)]
        else:
            found.append(_explained((field,), value, stack, merged))
    return found


def _named_layers(definition: ServiceDefinition, *, variety: str | None, profile: str | None) -> dict[str, Layer]:
    named = {"service": definition.base}
    if variety is not None:
        named[f"variety {variety}"] = definition.varieties[variety].layer
    if profile is not None:
        named[f"profile {profile}"] = definition.profiles[profile].layer
    return named


def _explained(path: tuple[str, ...], value: Any, stack: Mapping[str, Layer], merged: Mapping[str, Any]) -> Explained:
    layer, origin = _last_to_set(path, stack) or _from_env_file(path, merged) or ("default", None)
    return Explained(path=".".join(path), value=_text(value), layer=layer, origin=origin)


def _last_to_set(path: tuple[str, ...], stack: Mapping[str, Layer]) -> tuple[str, Origin | None] | None:
    """The highest layer that has the value."""
    for name, layer in reversed(list(stack.items())):
        if path in layer.origins:
            return name, layer.origins[path]
    return None


def _from_env_file(path: tuple[str, ...], merged: Mapping[str, Any]) -> tuple[str, Origin | None] | None:
    """The last environment file that has the variable."""
    for file in reversed(merged.get("env_file", ())):
        if path[-1] in file.values:
            return "env_file", file.origins.get(path[-1])
    return None


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
