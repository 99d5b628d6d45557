"""Pure: reads what the kernel says of AMD cards: the probe's own lines about /sys, /dev/dri and /sys/class/kfd."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ozwald.model.resources import Holder
from ozwald.remote.amd_card import AmdCard, address, percent, render_node, text, whole

AMD_VENDOR: Final = "0x1002"
MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """Device nodes: render nodes by PCI address, and the group that owns each node."""

    render: Mapping[str, str]
    groups: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Computing:
    """The processes that compute on each card, by PCI address; `more` on the host were not looked at."""

    holders: Mapping[str, list[Holder]] = field(default_factory=dict)
    more: int = 0


def parse_sysfs(lines: Iterable[str]) -> list[AmdCard]:
    """The AMD cards that the kernel's driver serves: those whose memory it tells."""
    cards: list[AmdCard] = []
    for line in lines:
        key, _, value = line.strip().partition(" ")
        if key == "card":
            words = value.split()
            place = address(words[0]) if len(words) > 2 and words[2] == AMD_VENDOR else None
            cards.append(AmdCard(address=place or ""))
        elif cards:
            cards[-1] = replace(cards[-1], **_fact(key, value, cards[-1]))
    return [card for card in cards if card.address and (card.vram_total_bytes is not None or card.render_node)]


def parse_nodes(lines: Iterable[str]) -> Nodes:
    """The device nodes, their PCI addresses by the names of links to them, and their groups."""
    groups: dict[str, int] = {}
    words: dict[str, list[str]] = {}
    for line in lines:
        kind, _, said = line.partition(" ")
        rest = said.split()
        words.setdefault(kind, rest)
        if kind == "group" and len(rest) == 2 and (number := whole(rest[1])) is not None:
            groups[rest[0]] = number
    links = zip(words.get("paths", ()), words.get("nodes", ()), strict=False)
    found = {_linked(link): render_node(node) for link, node in links}
    return Nodes(render={place: node for place, node in found.items() if place and node}, groups=groups)


def parse_computing(lines: Iterable[str]) -> Computing:
    """Who computes on which card, and with how much memory; those that hold none are left out."""
    places: dict[str, str] = {}
    holders: dict[str, list[Holder]] = {}
    more = 0
    for line in lines:
        match line.split():
            case ["node", card, domain, location]:
                places[card] = _place(domain, location) or ""
            case ["holds", pid, card, used] if places.get(card) and whole(pid) and whole(used) is not None:
                if int(used) > 0:
                    holders.setdefault(places[card], []).append(Holder(pid=int(pid), vram_bytes=int(used)))
            case ["more", count]:
                more = whole(count) or 0
    return Computing(holders=holders, more=more)


def _fact(key: str, value: str, card: AmdCard) -> dict[str, Any]:
    """What one line adds to a card; a line that is not known adds nothing."""
    match key:
        case "mem_info_vram_total" | "mem_info_vram_used" | "mem_info_gtt_total" | "mem_info_gtt_used":
            return {f"{key.removeprefix('mem_info_')}_bytes": whole(value)}
        case "product_name":
            return {"name": text(value)}
        case "gpu_busy_percent":
            return {"utilization_percent": percent(value)}
        case "power1_average" | "power1_input":
            return {"power_w": card.power_w if card.power_w is not None else _divided(value, MICRO)}
        case "power1_cap":
            return {"power_limit_w": _divided(value, MICRO)}
        case "temp1_input":
            return {"temperature_c": _divided(value, 1000)}
        case "in1_label":
            return {"is_apu": value == "vddnb"}  # a voltage that only APUs have
        case "umc_err_count":
            found = re.fullmatch(r"ue: (\d{1,9})", value)
            return {"ecc_uncorrected_errors": int(found[1]) if found else None}
        case "render":
            return {"render_node": card.render_node or render_node(value)}
    return {}


def _divided(value: str, by: int) -> float | None:
    found = whole(value)
    return None if found is None else found / by


def _linked(link: str) -> str | None:
    return address(link.removeprefix("/dev/dri/by-path/pci-").removesuffix("-render"))


def _place(domain: str, location: str) -> str | None:
    """The PCI address that the kernel packs into two numbers: domain, and bus, device and function in one."""
    high, low = whole(domain), whole(location)
    if high is None or low is None or high > 0xFFFF or low > 0xFFFF:
        return None
    return f"{high:04x}:{low >> 8:02x}:{low >> 3 & 31:02x}.{low & 7}"
