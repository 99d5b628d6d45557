"""What is still free on one host while a plan is being made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from ozwald.model.host import Host
from ozwald.model.observation import Observation
from ozwald.model.plan import InstanceKey
from ozwald.model.resources import Gpu, Hardware
from ozwald.model.service import Port, Requires, ServiceSpec

GIB = 1024**3


_NOTHING = Requires()


class DoesNotFit(Exception):
    """Why one host cannot carry one service; never leaves planning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one instance of ours has of a host; `gpus` are ids.

    When it runs, the engine and the cards were asked with it there: what it takes is gone from what they call free.
    While it `comes_up`, between two restarts or in the middle of a start, the engine tells no ports of it, and may
    listen on them already. What `is_measured` is no instance: a run has it, and ends by itself.
    """

    gpus: tuple[str, ...] = ()
    requires: Requires = _NOTHING
    ports: tuple[Port, ...] = ()
    runs: bool = False
    comes_up: bool = False
    is_measured: bool = False


@dataclass(slots=True, kw_only=True)
class Room:
    """Free memory (bytes), cards, ports of others and the shares of our instances, while it fills and empties.

    `taken_ports` are those that containers of others publish, `listening` those of processes in no such container;
    `refused` are cards that no container can be given, such as one split into MIG devices, which are cards themselves.
    """

    memory_free_bytes: int | None
    memory_total_bytes: int | None
    gpus: dict[str, Gpu]
    vram_reserve_bytes: int
    refused: tuple[Gpu, ...] = ()
    taken_ports: list[tuple[Port, str]] = field(default_factory=list)
    listening: list[tuple[Port, str]] = field(default_factory=list)
    shares: dict[InstanceKey, Share] = field(default_factory=dict)

    @classmethod
    def of(cls, host: Host, observation: Observation) -> "Room":
        """The room on a host as it was observed, less what the inventory reserves for others."""
        available, total = observation.resources.memory_available_bytes, observation.resources.memory_total_bytes
        return cls(
            memory_free_bytes=None if available is None else available - host.reserve.memory_bytes,
            memory_total_bytes=None if total is None else total - host.reserve.memory_bytes,
            gpus={gpu.id: gpu for gpu in observation.resources.gpus if gpu.refusal is None},
            vram_reserve_bytes=host.reserve.vram_bytes,
            refused=tuple(gpu for gpu in observation.resources.gpus if gpu.refusal is not None),
        )

    def cards_of(self, key: InstanceKey, hardware: Hardware, required: Requires) -> tuple[Gpu, ...]:
        """The cards that an instance has and can stay on, whatever is free there; none when it needs others."""
        share = self.shares.get(key, Share())
        held = [gpu for gpu in self._cards(hardware) if gpu.id in share.gpus]
        count = len(self._cards(hardware)) if required.gpus == "all" else _card_count(required)
        grows = (required.vram_bytes or 0) > (share.requires.vram_bytes or 0)
        return () if grows or not len(held) == len(share.gpus) == count else _by_index(held)

    def choose_gpus(self, hardware: Hardware, required: Requires, asking: InstanceKey) -> tuple[Gpu, ...]:
        """The cards an instance gets: its own, then most free VRAM, then fewest of our instances, then lowest index.

        Raises:
            DoesNotFit: there are not cards enough, or not enough have the VRAM that is required.
        """
        if hardware is Hardware.CPU_ONLY:
            if required.needs_cards:
                raise DoesNotFit("it requires a card, which the cpu-only variety has not")
            return ()
        cards = sorted(self._cards(hardware), key=lambda gpu: self._preference(gpu, required, asking))
        if len(cards) < _card_count(required):
            plural = "s" if len(cards) > 1 else ""
            there = f"{len(cards) or 'no'} {hardware.value} card{plural}"
            raise DoesNotFit(f"{there}, {_card_count(required)} needed{self._refusals(hardware)}")
        chosen = cards if required.gpus == "all" else cards[: _card_count(required)]
        for gpu in chosen:
            if self._lacks_vram(gpu, required, asking):
                free, needed = self._vram_free(gpu, asking) or 0, required.vram_bytes or 0
                raise DoesNotFit(f"{free / GIB:.1f} GiB of VRAM free on {gpu.name}, {needed / GIB:.1f} needed")
        return _by_index(chosen)

    def check_memory(self, required: Requires) -> None:
        """Checks that the memory that is required is free.

        Raises:
            DoesNotFit: it is not.
        """
        needed, free = required.memory_bytes, self.memory_free_bytes
        if needed is not None and free is not None and free < needed:
            raise DoesNotFit(f"{free / GIB:.1f} GiB of memory free, {needed / GIB:.1f} needed")

    def check_ports(self, ports: Iterable[Port], asking: InstanceKey) -> None:
        """Checks that no port to be published is taken.

        Raises:
            DoesNotFit: one is, and by whom.
        """
        for port in ports:
            if numbers := _numbers(port):
                _check_port(port, numbers, self._holders(numbers, asking))

    def take(self, key: InstanceKey, spec: ServiceSpec, gpus: Iterable[Gpu]) -> None:
        """Writes down an instance's share and, as far as it does not run with it yet, that it is free no more."""
        before, cards = self.shares.get(key, Share()), tuple(gpu.id for gpu in gpus)
        if not before.runs:
            self._free_memory(-(spec.requires.memory_bytes or 0))
        for card in cards:
            if not before.runs or card not in before.gpus:
                self._free_vram(card, -(spec.requires.vram_bytes or 0))
        self.shares[key] = Share(gpus=cards, requires=spec.requires, ports=spec.ports, runs=before.runs)

    def give_back(self, key: InstanceKey) -> None:
        """Forgets the share of an instance that goes, and what it needs is free."""
        share = self.shares.pop(key, Share())
        if share.runs:
            self._free_memory(share.requires.memory_bytes or 0)
            for card in share.gpus:
                self._free_vram(card, share.requires.vram_bytes or 0)

    def _free_memory(self, count: int) -> None:
        self._change_memory(count)
        for card in tuple(self.gpus.values()):
            if card.unified_memory:
                self._change_vram(card.id, count)

    def _free_vram(self, card: str, count: int) -> None:
        self._change_vram(card, count)
        if card in self.gpus and self.gpus[card].unified_memory:
            self._change_memory(count)

    def _change_memory(self, count: int) -> None:
        if self.memory_free_bytes is not None:
            free = self.memory_free_bytes + count
            self.memory_free_bytes = free if self.memory_total_bytes is None else min(free, self.memory_total_bytes)

    def _change_vram(self, card: str, count: int) -> None:
        gpu = self.gpus.get(card)
        if gpu is not None and gpu.vram_used_bytes is not None:
            self.gpus[card] = replace(gpu, vram_used_bytes=max(0, gpu.vram_used_bytes - count))

    def _holders(self, numbers: range, asking: InstanceKey) -> list[tuple[Port, str]]:
        """Who has ports among these, but for the one who asks."""
        comes_up = self.shares.get(asking, Share()).comes_up
        others = [*self.taken_ports, *(() if comes_up else self.listening)]
        ours = [
            (port, key.name)
            for key, share in self.shares.items()
            for port in share.ports
            if _is_among(port, numbers) and key != asking
        ]
        return [*ours, *(held for held in others if _is_among(held[0], numbers))]

    def _refusals(self, hardware: Hardware) -> str:
        """Why cards that are there do not count; nothing of those whose parts do."""
        parents = {gpu.mig.parent_id for gpu in self.gpus.values() if gpu.mig}
        kind = [gpu for gpu in self.refused if gpu.hardware is hardware and gpu.id not in parents]
        reasons = dict.fromkeys(f"{gpu.name}: {gpu.refusal}" for gpu in kind)
        return f" ({'; '.join(reasons)})" if reasons else ""

    def _cards(self, hardware: Hardware) -> list[Gpu]:
        return [gpu for gpu in self.gpus.values() if gpu.hardware is hardware]

    def _preference(self, gpu: Gpu, required: Requires, asking: InstanceKey) -> tuple[bool, bool, int, int, int]:
        # Whole GiB, since idle cards differ by a few MiB.
        free_gib = round((self._vram_free(gpu, asking) or 0) / GIB)
        tenants = sum(gpu.id in share.gpus for key, share in self.shares.items() if key != asking)
        is_another = gpu.id not in self.shares.get(asking, Share()).gpus
        return self._lacks_vram(gpu, required, asking), is_another, -free_gib, tenants, gpu.index

    def _lacks_vram(self, gpu: Gpu, required: Requires, asking: InstanceKey) -> bool:
        free = self._vram_free(gpu, asking)
        return free is not None and free < (required.vram_bytes or 0)

    def _vram_free(self, gpu: Gpu, asking: InstanceKey) -> int | None:
        """What was measured or, if that is less, what the needs of our instances leave; bytes, None when not known.

        An engine that has just been started uses little yet of what it needs.
        """
        tenants = {key: share for key, share in self.shares.items() if gpu.id in share.gpus}
        own = tenants.pop(asking, Share())
        known = []
        if gpu.vram_free_bytes is not None:
            known.append(gpu.vram_free_bytes + (own.requires.vram_bytes or 0 if own.runs else 0))
        if gpu.vram_usable_bytes is not None:
            known.append(gpu.vram_usable_bytes - sum(share.requires.vram_bytes or 0 for share in tenants.values()))
        return max(0, min(known) - self.vram_reserve_bytes) if known else None


def _check_port(port: Port, numbers: range, taken: Sequence[tuple[Port, str]]) -> None:
    """One port of a range is enough: the engine looks for it."""
    for number in numbers:
        wanted = replace(port, published=number)
        holder = next((holder for other, holder in taken if clash(wanted, other)), None)
        if holder is None:
            return
    if len(numbers) > 1:
        raise DoesNotFit(f"the ports {numbers[0]}-{numbers[-1]}/{port.protocol} are all taken")
    raise DoesNotFit(f"port {numbers[0]}/{port.protocol} is taken by {holder}")


def _numbers(port: Port) -> range:
    """The ports of the host that it may be published on: none, one, or a range to choose from."""
    first, last = port.choice or (port.published, port.published)
    return range(0) if first is None or last is None else range(first, last + 1)


def _is_among(port: Port, numbers: range) -> bool:
    return port.published is not None and port.published in numbers


def clash(one: Port, other: Port) -> bool:
    """Whether two published ports cannot both be bound on one host."""
    if one.published is None or (one.published, one.protocol) != (other.published, other.protocol):
        return False
    anywhere = (None, "", "0.0.0.0", "::")
    return one.host_ip == other.host_ip or one.host_ip in anywhere or other.host_ip in anywhere


def _card_count(required: Requires) -> int:
    return required.gpus if isinstance(required.gpus, int) else 1


def _by_index(cards: Iterable[Gpu]) -> tuple[Gpu, ...]:
    return tuple(sorted(cards, key=lambda gpu: gpu.index))
