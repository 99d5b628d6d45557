"""Realms as the settings file has them: service definitions in layers, networks, and what is always wanted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ozwald.model.container import network_name
from ozwald.model.request import WrittenRequest
from ozwald.model.resources import Hardware


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a value was written; line and column count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """The keys one part of a definition sets: its base, a variety or a profile.

    `values` maps a ServiceSpec field to a value of that field's type; `replicas` (int), `footprint` (a map with
    `run_time`, seconds, and `run_script`, a RunScript) and `bridge_connector` are there besides. None removes what a
    lower layer set, as a None inside `environment`, `labels`, `properties` or `footprint` does for one key. `origins`
    has a place for each field, `("image",)`, and for each part of one that is merged: `("environment", "GPU")`,
    `("ports", "8000/tcp")`.
    """

    values: Mapping[str, Any] = field(default_factory=dict, repr=False)
    origins: Mapping[tuple[str, ...], Origin] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Variety:
    """How a service runs on one kind of hardware."""

    name: str
    hardware: Hardware
    layer: Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A named set of parameters."""

    name: str
    layer: Layer


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDefinition:
    """The template of a service. `type` is `container`, or declared data that is never started."""

    realm: str
    name: str
    type: str = "container"
    description: str = ""
    base: Layer = Layer()
    varieties: Mapping[str, Variety] = field(default_factory=dict)
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    origin: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A network of a realm; `name` is None for one that Ozwald names and creates itself."""

    key: str
    driver: str | None = None
    external: bool = False
    name: str | None = None
    internal: bool = False

    def name_on_host(self, realm: str) -> str:
        """What a realm's network is called on a host."""
        return self.name or (self.key if self.external else network_name(realm, self.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class PersistentService:
    """One entry of `persistent-services`: a spec or its parts, and where it stands."""

    written: str | WrittenRequest
    origin: Origin
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Realm:
    """A group of networks and service definitions, each by name, and the instances that are always wanted."""

    name: str
    definitions: Mapping[str, ServiceDefinition] = field(default_factory=dict)
    networks: Mapping[str, Network] = field(default_factory=dict)
    persistent: tuple[PersistentService, ...] = ()
