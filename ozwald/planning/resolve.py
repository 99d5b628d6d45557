"""Merges a definition's base, variety and profile into the complete specification of one container."""

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import reduce
from typing import Any

from ozwald.errors import RequestError
from ozwald.model.resources import Hardware
from ozwald.model.service import (
    Attachment,
    EnvFile,
    InstanceRequest,
    Layer,
    Mount,
    Port,
    Requires,
    ServiceDefinition,
    ServiceSpec,
    Variety,
)

_SPEC_FIELDS = frozenset(spec_field.name for spec_field in fields(ServiceSpec))


def resolve(definition: ServiceDefinition, request: InstanceRequest, *, variety: str | None) -> ServiceSpec:
    """The container that a request means on hardware of one variety.

    Raises:
        RequestError: the definition names no image for this variety and profile.
    """
    merged = merge(layers(definition, variety=variety, profile=request.profile))
    if not merged.get("image"):
        raise RequestError(
            f"service {definition.name!r} has no image for variety {variety!r} and profile {request.profile!r}; "
            f"add 'image:' to the definition or the variety"
        )
    values = {key: value for key, value in merged.items() if key in _SPEC_FIELDS}
    env_files: tuple[EnvFile, ...] = values.pop("env_file", ())
    environment = {name: value for file in env_files for name, value in file.values.items()}
    values["environment"] = environment | dict(values.get("environment", {}))
    values.setdefault("networks", (Attachment(network="default"),))
    values.setdefault("restart", "no" if values.get("depends_on") else "unless-stopped")
    return ServiceSpec(
        realm=definition.realm,
        instance=request.name,
        service=definition.name,
        variety=variety,
        profile=request.profile,
        hardware=hardware_of(definition, variety),
        **values,
    )


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


def is_merged_map(field: str) -> bool:
    """Whether the layers of a map are merged key by key."""
    return _RULES.get(field) is _merge_map


def _lay_over(lower: dict[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(lower)
    for key, value in upper.items():
        rule = _RULES.get(key)
        merged[key] = value if rule is None or not value else rule(merged.get(key) or type(value)(), value)
    return merged


def _merge_map(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**lower, **upper}.items() if value is not None}


def _merge_volumes(lower: tuple[Mount, ...], upper: tuple[Mount, ...]) -> tuple[Mount, ...]:
    replaced = {mount.target for mount in upper}
    return tuple(mount for mount in lower if mount.target not in replaced) + upper


def _merge_ports(lower: tuple[Port, ...], upper: tuple[Port, ...]) -> tuple[Port, ...]:
    replaced = {(port.target, port.protocol) for port in upper}
    return tuple(port for port in lower if (port.target, port.protocol) not in replaced) + upper


_RULES: Mapping[str, Callable[[Any, Any], Any]] = {
    "environment": _merge_map,
    "labels": _merge_map,
    "properties": _merge_map,
    "volumes": _merge_volumes,
    "ports": _merge_ports,
}
