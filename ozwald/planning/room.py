"""What is still free on one host while a plan is being made."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from ozwald.model.host import Host
from ozwald.model.observation import Observation
from ozwald.model.resources import Gpu, Hardware
from ozwald.model.service import Port, Requires, ServiceSpec

GIB = 1024**3


class DoesNotFit(Exception):
    """Why one host cannot carry one service; never leaves planning."""


@dataclass(slots=True, kw_only=True)
class Room:
    """Free memory (bytes), cards and ports; `take` writes down what an instance will use."""

    memory_free_bytes: int | None
    gpus: dict[str, Gpu]
    vram_reserve_bytes: int
    taken_ports: list[tuple[Port, str]] = field(default_factory=list)

    @classmethod
    def of(cls, host: Host, observation: Observation) -> "Room":
        """The room on a host as it was observed, less what the inventory reserves for others."""
        available = observation.resources.memory_available_bytes
        return cls(
            memory_free_bytes=None if available is None else available - host.reserve.memory_bytes,
            gpus={gpu.id: gpu for gpu in observation.resources.gpus},
            vram_reserve_bytes=host.reserve.vram_bytes,
        )

    def has_hardware(self, hardware: Hardware, required: Requires) -> None:
        """Checks that there are cards enough, whatever is free on them.

        Raises:
            DoesNotFit: there are not.
        """
        if hardware is Hardware.CPU_ONLY:
            return
        count, needed = len(self._cards(hardware)), _card_count(required)
        if count < needed:
            raise DoesNotFit(f"{count or 'no'} {hardware.value} card{'s' if count > 1 else ''}, {needed} needed")

    def choose_gpus(self, hardware: Hardware, required: Requires) -> tuple[Gpu, ...]:
        """The cards an instance gets: most free VRAM first, then lowest index.

        Raises:
            DoesNotFit: not enough cards have the VRAM that is required.
        """
        if hardware is Hardware.CPU_ONLY:
            return ()
        self.has_hardware(hardware, required)
        cards = sorted(self._cards(hardware), key=lambda gpu: (-(gpu.vram_free_bytes or 0), gpu.index))
        wanted = len(cards) if required.gpus == "all" else _card_count(required)
        chosen = cards[:wanted]
        needed = required.vram_bytes or 0
        for gpu in chosen:
            if not needed or gpu.vram_free_bytes is None:
                continue
            free = max(0, gpu.vram_free_bytes - self.vram_reserve_bytes)
            if free < needed:
                raise DoesNotFit(f"{free / GIB:.1f} GiB of VRAM free on {gpu.name}, {needed / GIB:.1f} needed")
        return tuple(sorted(chosen, key=lambda gpu: gpu.index))

    def check_memory(self, required: Requires) -> None:
        """Checks that the memory that is required is free.

        Raises:
            DoesNotFit: it is not.
        """
        needed, free = required.memory_bytes, self.memory_free_bytes
        if needed is not None and free is not None and free < needed:
            raise DoesNotFit(f"{free / GIB:.1f} GiB of memory free, {needed / GIB:.1f} needed")

    def check_ports(self, ports: Iterable[Port]) -> None:
        """Checks that no port to be published is taken.

        Raises:
            DoesNotFit: one is, and by whom.
        """
        for port in ports:
            for taken, holder in self.taken_ports:
                if clash(port, taken):
                    raise DoesNotFit(f"port {port.published}/{port.protocol} is taken by {holder}")

    def take(self, spec: ServiceSpec, gpus: Iterable[Gpu], *, is_new: bool) -> None:
        """Writes down an instance's ports and, for one that does not run yet, its memory and VRAM."""
        self.taken_ports += [(port, spec.instance) for port in spec.ports if port.published is not None]
        if not is_new:
            return
        if self.memory_free_bytes is not None:
            self.memory_free_bytes -= spec.requires.memory_bytes or 0
        for gpu in gpus:
            used = (gpu.vram_used_bytes or 0) + (spec.requires.vram_bytes or 0)
            self.gpus[gpu.id] = replace(self.gpus[gpu.id], vram_used_bytes=used)

    def _cards(self, hardware: Hardware) -> list[Gpu]:
        return [gpu for gpu in self.gpus.values() if gpu.hardware is hardware]


def clash(one: Port, other: Port) -> bool:
    """Whether two published ports cannot both be bound on one host."""
    if one.published is None or (one.published, one.protocol) != (other.published, other.protocol):
        return False
    anywhere = (None, "", "0.0.0.0", "::")
    return one.host_ip == other.host_ip or one.host_ip in anywhere or other.host_ip in anywhere


def _card_count(required: Requires) -> int:
    return required.gpus if isinstance(required.gpus, int) else 1
