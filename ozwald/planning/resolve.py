"""Merges a definition's base, variety and profile into the complete specification of one container."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import reduce
from typing import Any

from ozwald.errors import RequestError
from ozwald.model.realm import Layer, ServiceDefinition, Variety
from ozwald.model.request import InstanceRequest
from ozwald.model.resources import Hardware
from ozwald.model.service import Attachment, EnvFile, Mount, Port, Requires, ServiceSpec

_SPEC_FIELDS = frozenset(spec_field.name for spec_field in fields(ServiceSpec))


def resolve(definition: ServiceDefinition, request: InstanceRequest, *, variety: str | None) -> ServiceSpec:
    """The container that a request means on hardware of one variety.

    Raises:
        RequestError: the definition names no image for this variety and profile, or names lockers.
    """
    merged = completed(merge(layers(definition, variety=variety, profile=request.profile)))
    if not merged.get("image"):
        raise RequestError(
            f"service {definition.name!r} has no image for variety {variety!r} and profile {request.profile!r}; "
            f"add 'image:' to the definition or the variety"
        )
    if merged.get("lockers"):
        raise RequestError(
            f"service {definition.name!r} needs lockers ({', '.join(merged['lockers'])}), which cannot be opened "
            "yet; give it its secrets with 'environment' or 'env_file'"
        )
    return ServiceSpec(
        realm=definition.realm,
        instance=request.name,
        service=definition.name,
        variety=variety,
        profile=request.profile,
        hardware=hardware_of(definition, variety),
        **{key: value for key, value in merged.items() if key in _SPEC_FIELDS and key != "env_file"},
    )


def completed(merged: Mapping[str, Any]) -> dict[str, Any]:
    """Merged layers with the environment files under the environment, and what counts where nothing is said."""
    env_files: tuple[EnvFile, ...] = merged.get("env_file", ())
    from_files = {name: value for file in env_files for name, value in file.values.items()}
    environment = from_files | dict(merged.get("environment", {}))
    in_order = merged.get("depends_on") or merged.get("lockers")
    return {
        "restart": "no" if in_order else "unless-stopped",
        **merged,
        "networks": merged.get("networks") or (Attachment(network="default"),),
        "environment": {name: value for name, value in environment.items() if value is not None},
    }


def layers(definition: ServiceDefinition, *, variety: str | None, profile: str | None) -> tuple[Layer, ...]:
    """The layers that count, lowest first."""
    chosen = [definition.base]
    if variety is not None:
        chosen.append(definition.varieties[variety].layer)
    if profile is not None:
        chosen.append(definition.profiles[profile].layer)
    return tuple(chosen)


def hardware_of(definition: ServiceDefinition, variety: str | None) -> Hardware:
    """What a variety runs on; without varieties, the processor."""
    return definition.varieties[variety].hardware if variety is not None else Hardware.CPU_ONLY


def varieties_by_preference(definition: ServiceDefinition) -> tuple[Variety | None, ...]:
    """A definition's varieties, best hardware first; a single None where it has none."""
    order = list(Hardware)
    return tuple(sorted(definition.varieties.values(), key=lambda variety: order.index(variety.hardware))) or (None,)


def requirements(definition: ServiceDefinition, *, variety: str | None, profile: str | None) -> Requires:
    """What the service needs of its host, before an image is asked for."""
    required: Requires = merge(layers(definition, variety=variety, profile=profile)).get("requires") or Requires()
    return required


def merge(stack: tuple[Layer, ...]) -> dict[str, Any]:
    """Lays layers over each other; keys that end up removed are absent."""
    merged: dict[str, Any] = reduce(_lay_over, (layer.values for layer in stack), {})
    return {key: value for key, value in merged.items() if value is not None}


def is_merged(field: str) -> bool:
    """Whether the layers of a field are merged part by part; anything else is replaced as a whole."""
    return field in _RULES


def parts(value: Mapping[str, Any] | tuple[Any, ...]) -> list[tuple[str, Any]]:
    """The parts of a field that is merged, each with the key it is replaced by."""
    if isinstance(value, Mapping):
        return list(value.items())
    return [(item if isinstance(item, str) else item.key, item) for item in value]


def _lay_over(lower: dict[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for key, value in upper.items():
        rule = _RULES.get(key)
        merged[key] = value if rule is None or not value else rule(merged.get(key) or type(value)(), value)
    return merged


def _merge_map(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**lower, **upper}.items() if value is not None}


def _merge_by_key(lower: tuple[Mount | Port, ...], upper: tuple[Mount | Port, ...]) -> tuple[Mount | Port, ...]:
    replaced = {item.key for item in upper}
    return tuple(item for item in lower if item.key not in replaced) + upper


def _unite(lower: tuple[str, ...], upper: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lower + upper))


def _merge_over_files(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """A variable that is removed stays known: the environment files below may have it too."""
    return {**lower, **upper}


_RULES: Mapping[str, Callable[[Any, Any], Any]] = {
    "environment": _merge_over_files,
    "labels": _merge_map,
    "properties": _merge_map,
    "footprint": _merge_map,
    "volumes": _merge_by_key,
    "ports": _merge_by_key,
    "lockers": _unite,
}
