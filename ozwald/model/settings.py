"""The settings file as a value."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ozwald.errors import Problem
from ozwald.model.host import Inventory
from ozwald.model.realm import Realm


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything a settings file and its inventory say. `warnings` do not stop anything."""

    path: str
    inventory: Inventory
    realms: Mapping[str, Realm]
    warnings: tuple[Problem, ...] = field(default=())
