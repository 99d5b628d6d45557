"""What a sampler reads of a host: one tick of its containers and cards."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ozwald.model.resources import Holder


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSample:
    """The counters of one container's control group at one tick; None where this tick did not read it, or cannot.

    `cpu_ns`, `read_bytes` and `write_bytes` have counted since the container was started. `memory_bytes` is what it
    needs, anonymous and shared memory; `cache_bytes` is page cache, which the kernel takes back when others need it.
    `kernel_peak_bytes` is the kernel's own highest count, page cache included.
    """

    cpu_ns: int | None = None
    memory_bytes: int | None = None
    cache_bytes: int | None = None
    kernel_peak_bytes: int | None = None
    read_bytes: int | None = None
    write_bytes: int | None = None
    pids: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardSample:
    """One card at one tick; `holders` are its processes, those in containers with the container's id."""

    vram_used_bytes: int | None = None
    vram_total_bytes: int | None = None
    utilization_percent: int | None = None
    power_w: float | None = None
    holders: tuple[Holder, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSample:
    """The machine as a whole at one tick; `busy_ns` is the time all its processors together have worked since boot."""

    busy_ns: int | None = None
    memory_available_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One tick: `at_s` is the host's clock, in seconds since it was booted.

    `containers` are by id; a container that is gone is not there. `cards` are by id, those that were read anew for this
    tick only: the makers' tools are slower than the ticks.
    """

    at_s: float
    containers: Mapping[str, ContainerSample] = field(default_factory=dict)
    cards: Mapping[str, CardSample] = field(default_factory=dict)
    host: HostSample | None = None
