"""Pure: reads which display cards and accelerators sit on the PCI bus."""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ozwald.model.resources import Gpu, OtherCard
from ozwald.remote.text import clean

NVIDIA: Final = "10de"
AMD: Final = "1002"
LISTED: Final = 64
# Names that people know, for machines without a list of PCI ids.
VENDORS: Final[Mapping[str, str]] = {
    "1002": "AMD",
    "1013": "Cirrus Logic",
    "102b": "Matrox",
    "10de": "NVIDIA",
    "1234": "QEMU",
    "1414": "Microsoft",
    "15ad": "VMware",
    "1a03": "ASPEED",
    "1af4": "Virtio",
    "1b36": "QEMU",
    "1da3": "Habana Labs",
    "1e52": "Tenstorrent",
    "8086": "Intel",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PciCard:
    """One card on the bus; ids are as `8086`, `driver` is the kernel's that serves it."""

    address: str
    vendor: str
    device: str
    driver: str | None


def parse_cards(lines: Iterable[str]) -> tuple[PciCard, ...]:
    """Reads the probe's own lines: `card ADDRESS CLASS VENDOR DEVICE DRIVER`."""
    pattern = re.compile(r"card ([0-9a-f:.]{7,16}) 0x\w{6} 0x([0-9a-f]{4}) 0x([0-9a-f]{4}) (\S{1,64})")
    found = filter(None, map(pattern.fullmatch, lines))
    cards = (
        PciCard(address=each[1], vendor=each[2], device=each[3], driver=None if each[4] == "-" else clean(each[4]))
        for each in found
    )
    return tuple(cards)[:LISTED]


def parse_names(lines: Iterable[str]) -> Mapping[str, str]:
    """Names by PCI address, from `lspci -D -mm`: address, class, vendor and device, each in quotes."""
    names: dict[str, str] = {}
    for line in lines:
        try:
            words = shlex.split(line[:1000])
        except ValueError:
            continue
        if len(words) > 3 and not words[3].startswith("Device "):
            names.setdefault(words[0], clean(f"{words[2]} {words[3]}", limit=120))
    return names


def others(cards: Iterable[PciCard], gpus: Sequence[Gpu], names: Mapping[str, str]) -> tuple[OtherCard, ...]:
    """The cards that are none of the GPUs."""
    known = {gpu.pci_address for gpu in gpus}
    return tuple(_other(card, names.get(card.address)) for card in cards if card.address not in known)


def _other(card: PciCard, name: str | None) -> OtherCard:
    vendor = VENDORS.get(card.vendor)
    made_up = f"{vendor} card {card.device}" if vendor else f"card {card.vendor}:{card.device}"
    return OtherCard(
        pci_address=card.address,
        vendor_id=card.vendor,
        device_id=card.device,
        name=name or made_up,
        driver=card.driver,
        missing={} if card.driver else {"driver": "none is bound to it"},
    )
