"""What hosts, their cards and their services take right now."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ozwald.model.resources import Hardware, Holder


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceUse:
    """One running instance; None is what its host does not tell, or not yet.

    `cpu_cores` is cores kept busy over the last second. `memory_bytes` is what it needs, `cache_bytes` page cache.
    `vram_bytes` is what its processes hold of all cards together, None where they hold none.
    """

    container_id: str
    realm: str
    name: str
    service: str
    variety: str | None = None
    profile: str | None = None
    cpu_cores: float | None = None
    memory_bytes: int | None = None
    cache_bytes: int | None = None
    vram_bytes: int | None = None
    pids: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OthersUse:
    """The running containers of a host that are no instances of Ozwald, together."""

    count: int = 0
    cpu_cores: float | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardUse:
    """One card; `holders` are who has memory of it, the biggest first."""

    id: str
    index: int
    name: str
    hardware: Hardware
    vram_used_bytes: int | None = None
    vram_total_bytes: int | None = None
    utilization_percent: int | None = None
    power_w: float | None = None
    holders: tuple[Holder, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostUse:
    """One host. `failure` is why it does not answer: then nothing else is known; `engine_failure` why services are not.

    `others` is None as long as its engine has not told its containers.
    `cpu_cores` is what all its processors together were kept busy with over the last second, of `cpu_count`.
    """

    host: str
    failure: str | None = None
    engine_failure: str | None = None
    cpu_count: int | None = None
    cpu_cores: float | None = None
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    cards: tuple[CardUse, ...] = ()
    services: tuple[ServiceUse, ...] = ()
    others: OthersUse | None = None

    @property
    def is_begun(self) -> bool:
        """Whether anything but its name is known."""
        return self != HostUse(host=self.host)

    @property
    def is_measured(self) -> bool:
        """Whether it is known what there is to know: rates take a second."""
        if self.failure is not None:
            return True
        is_listed = self.others is not None or self.engine_failure is not None
        return is_listed and None not in (self.cpu_cores, *(service.cpu_cores for service in self.services))


def use_document(use: HostUse) -> Mapping[str, Any]:
    """One host as `ozwald top --output json` has it; docs/commands.md."""
    document = asdict(use)
    for card in document["cards"]:
        card["hardware"] = card["hardware"].value
        card["holders"] = [_holder(held) for held in card["holders"]]
    for name in ("cards", "services"):
        document[name] = list(document[name])
    return document


def _holder(held: Mapping[str, Any]) -> dict[str, Any]:
    named = ("pid", "vram_bytes", "command", "user", "container_id", "container", "realm", "instance", "service")
    return {name: held[name] for name in named}
