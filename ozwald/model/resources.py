"""What a probe learns about one host."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Hardware(StrEnum):
    """What a variety needs, best first: the order in which varieties are preferred."""

    NVIDIA = "nvidia"
    AMDGPU = "amdgpu"
    CPU_ONLY = "cpu-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One card. `id` is unique across vendors: the NVIDIA UUID, else `amd-<PCI address>`.

    Facts that the tools did not give are None. `render_node` is the card's `/dev/dri/renderD…` and `group_ids` are
    the groups that own its nodes (AMD).
    """

    hardware: Hardware
    index: int
    id: str
    name: str
    vram_total_bytes: int | None = None
    vram_used_bytes: int | None = None
    driver_version: str | None = None
    pci_address: str | None = None
    render_node: str | None = None
    group_ids: tuple[int, ...] = ()

    @property
    def vram_free_bytes(self) -> int | None:
        """VRAM not in use, in bytes, or None when either side is unknown."""
        if self.vram_total_bytes is None or self.vram_used_bytes is None:
            return None
        return max(0, self.vram_total_bytes - self.vram_used_bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerFacts:
    """The host's Docker Engine."""

    version: str
    api_version: str | None = None
    root_dir: str | None = None
    storage_driver: str | None = None
    cgroup_version: int | None = None
    runtimes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResources:
    """One probe of one host. A fact that is None has its reason under its own name in `missing`.

    Sizes are bytes; `disk_*` is the file system of Docker's root folder, else of `/`; `observed_at` is seconds
    since the epoch on the controller.
    """

    host: str
    observed_at: float
    os: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    boot_id: str | None = None
    cpu_model: str | None = None
    cpu_count: int | None = None
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    disk_total_bytes: int | None = None
    disk_free_bytes: int | None = None
    docker: DockerFacts | None = None
    gpus: tuple[Gpu, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    def cards(self, hardware: Hardware) -> tuple[Gpu, ...]:
        """The cards of one kind; none for cpu-only."""
        return tuple(gpu for gpu in self.gpus if gpu.hardware is hardware)
