"""What a probe learns about one host."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

KFD: Final = "/dev/kfd"
AMD_GROUPS: Final = ("video", "render")


class Hardware(StrEnum):
    """What a variety needs, best first: the order in which varieties are preferred."""

    NVIDIA = "nvidia"
    AMDGPU = "amdgpu"
    CPU_ONLY = "cpu-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A process that holds memory of a card.

    `command` is the program's name, never its arguments. `container_id` and `container` are None outside containers;
    `realm`, `instance` and `service` are None where the container is not ours.
    """

    pid: int
    vram_bytes: int | None = None
    command: str | None = None
    user: str | None = None
    container_id: str | None = None
    container: str | None = None
    realm: str | None = None
    instance: str | None = None
    service: str | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class MigDevice:
    """Which slice of an NVIDIA card a device is: the parent's id, its number there, and NVIDIA's instance ids."""

    parent_id: str
    index: int
    gpu_instance_id: int | None = None
    compute_instance_id: int | None = None
    profile: str | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gpu:
    """One card, or one MIG device of a card. `id` is unique on its host, across vendors: the NVIDIA UUID, else made
    of the PCI address.

    `render_node` is the card's `/dev/dri/renderD…` and `group_ids` are the groups that own its nodes (AMD).
    `vram_reserved_bytes` is what the driver keeps beside what is used. With `unified_memory` the card has no memory of
    its own: VRAM is what it can use of the machine's. `refusal` is why no container can be given the card, None when
    one can. `holders` are the biggest first; `more_holders` counts those that are not listed. A fact that is None has
    its reason under its own name in `missing`, if cards of its kind have it at all.
    """

    hardware: Hardware
    index: int
    id: str
    name: str
    vram_total_bytes: int | None = None
    vram_used_bytes: int | None = None
    vram_reserved_bytes: int | None = None
    unified_memory: bool = False
    architecture: str | None = None
    driver_version: str | None = None
    cuda_version: str | None = None
    pci_address: str | None = None
    render_node: str | None = None
    group_ids: tuple[int, ...] = ()
    mig: MigDevice | None = None
    refusal: str | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    temperature_c: float | None = None
    utilization_percent: int | None = None
    ecc_enabled: bool | None = None
    ecc_uncorrected_errors: int | None = None
    holders: tuple[Holder, ...] = ()
    more_holders: int = 0
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def vram_usable_bytes(self) -> int | None:
        """VRAM that programs can have at most, in bytes, or None when the total is unknown."""
        if self.vram_total_bytes is None:
            return None
        return max(0, self.vram_total_bytes - (self.vram_reserved_bytes or 0))

    @property
    def vram_free_bytes(self) -> int | None:
        """VRAM not in use, in bytes, or None when either side is unknown."""
        if self.vram_usable_bytes is None or self.vram_used_bytes is None:
            return None
        return max(0, self.vram_usable_bytes - self.vram_used_bytes)


def amd_nodes(cards: Iterable[Gpu]) -> tuple[str, ...]:
    """The device nodes by which a container uses the AMD cards among these."""
    amd = [card for card in cards if card.hardware is Hardware.AMDGPU]
    return (KFD, *(card.render_node for card in amd if card.render_node)) if amd else ()


def amd_groups(cards: Iterable[Gpu]) -> tuple[str, ...]:
    """The groups that may use the AMD cards among these.

    Numbers where the probe found them: names are looked up in the image, which may not have them.
    """
    amd = [card for card in cards if card.hardware is Hardware.AMDGPU]
    known = dict.fromkeys(str(number) for card in amd for number in card.group_ids)
    return tuple(known) or (AMD_GROUPS if amd else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherCard:
    """A display or accelerator card that Ozwald gives to nobody; ids are PCI's, as `8086`."""

    pci_address: str
    vendor_id: str
    device_id: str
    name: str
    driver: str | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerToolkit:
    """What lets containers use NVIDIA cards: the tools that are there and the names of CDI specifications."""

    tools: tuple[str, ...] = ()
    version: str | None = None
    cdi_specs: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DockerFacts:
    """The host's engine. `product` is `Docker Engine` or what else answers its API, such as `Podman Engine`."""

    version: str
    product: str = "Docker Engine"
    api_version: str | None = None
    root_dir: str | None = None
    storage_driver: str | None = None
    cgroup_version: int | None = None
    cgroup_driver: str | None = None
    runtimes: tuple[str, ...] = ()
    default_runtime: str | None = None
    live_restore: bool | None = None
    rootless: bool = False
    cdi_spec_dirs: tuple[str, ...] = ()
    cdi_devices: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """A socket that waits for others: of TCP one that listens, of UDP one that is bound to no peer.

    `protocol` is `tcp` or `udp`; `address` is `0.0.0.0` or `::` where it is every address of the host. `command` is the
    program's name, never its arguments.
    """

    protocol: str
    address: str
    port: int
    user: str | None = None
    pid: int | None = None
    command: str | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HostResources:
    """One probe of one host. A fact that is None has its reason under its own name in `missing`.

    Sizes are bytes; `cpu_count` counts what the scheduler sees, `cpu_cores` the cores; `load_1m` is the load average of
    the last minute; `disk_*` is the file system of Docker's root folder, else of `/`; `engine_sockets` are sockets of
    container engines that were seen; `listeners` are who waits for others on a port already, whatever published it;
    `observed_at` is seconds since the epoch on the controller.
    """

    host: str
    observed_at: float
    os: str | None = None
    kernel: str | None = None
    architecture: str | None = None
    boot_id: str | None = None
    cpu_model: str | None = None
    cpu_count: int | None = None
    cpu_cores: int | None = None
    cpu_sockets: int | None = None
    load_1m: float | None = None
    memory_total_bytes: int | None = None
    memory_available_bytes: int | None = None
    swap_total_bytes: int | None = None
    swap_free_bytes: int | None = None
    disk_total_bytes: int | None = None
    disk_free_bytes: int | None = None
    cgroup_version: int | None = None
    docker: DockerFacts | None = None
    engine_sockets: tuple[str, ...] = ()
    listeners: tuple[Listener, ...] | None = None
    container_toolkit: ContainerToolkit | None = None
    gpus: tuple[Gpu, ...] = ()
    other_cards: tuple[OtherCard, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    def cards(self, hardware: Hardware) -> tuple[Gpu, ...]:
        """The cards of one kind; none for cpu-only."""
        return tuple(gpu for gpu in self.gpus if gpu.hardware is hardware)
