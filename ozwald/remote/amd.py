"""Pure: joins what AMD's tools and the kernel say of AMD cards."""

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Final

from ozwald.model.resources import Gpu, Hardware
from ozwald.remote.amd_card import AmdCard, NotAmdOutput
from ozwald.remote.amd_kernel import Computing, Nodes, parse_computing, parse_nodes, parse_sysfs
from ozwald.remote.amd_tools import parse_amd_smi, parse_rocm_smi

__all__ = [
    "AmdCard",
    "Computing",
    "Nodes",
    "NotAmdOutput",
    "cards",
    "parse_amd_smi",
    "parse_computing",
    "parse_nodes",
    "parse_rocm_smi",
    "parse_sysfs",
]

NOBODY: Final = Computing()
NAMELESS: Final[Mapping[str, str]] = {}
KFD: Final = "/dev/kfd"
UNSAID: Final = "neither AMD's tools nor the kernel say"
MEASURED: Final = (
    *("architecture", "vram_total_bytes", "vram_used_bytes", "driver_version", "power_w", "power_limit_w"),
    *("temperature_c", "utilization_percent", "ecc_uncorrected_errors"),
)


def cards(
    told: Iterable[AmdCard],
    seen: Iterable[AmdCard],
    nodes: Nodes,
    computing: Computing = NOBODY,
    names: Mapping[str, str] = NAMELESS,
) -> tuple[Gpu, ...]:
    """Joins what the tool told with what the kernel shows, by PCI address; the tool wins, the kernel fills in.

    `names` are those of the list of PCI ids.
    """
    by_address = {card.address: card for card in seen}
    joined: dict[str, AmdCard] = {}
    for card in told:
        joined.setdefault(card.address, _filled(card, by_address.pop(card.address, None)))
    joined |= by_address
    named = (replace(card, name=card.name or names.get(card.address)) for card in joined.values())
    return tuple(_gpu(index, card, nodes, computing) for index, card in enumerate(named))


def _filled(card: AmdCard, seen: AmdCard | None) -> AmdCard:
    if seen is None:
        return card
    gaps = {each.name: getattr(seen, each.name) for each in fields(card) if getattr(card, each.name) is None}
    return replace(card, **gaps)


def _gpu(index: int, card: AmdCard, nodes: Nodes, computing: Computing) -> Gpu:
    render = card.render_node or nodes.render.get(card.address)
    owners = [nodes.groups[node] for node in (KFD, render or "") if node in nodes.groups]
    facts: dict[str, Any] = {name: getattr(card, name) for name in MEASURED} | _memory(card)
    missing = {name: UNSAID for name, value in facts.items() if value is None}
    missing |= {"ecc_enabled": "AMD's driver does not say"}
    missing |= {} if render else {"render_node": "there is none of this card in /dev/dri"}
    missing |= {"holders": f"{computing.more} more processes compute on this host"} if computing.more else {}
    return Gpu(
        hardware=Hardware.AMDGPU,
        index=index,
        id=f"amd-{card.address}",
        name=card.name or "AMD card",
        pci_address=card.address,
        render_node=render,
        group_ids=tuple(dict.fromkeys(owner for owner in owners if owner != 0)),
        unified_memory=bool(card.is_apu),
        refusal=_refusal(render, nodes),
        holders=tuple(computing.holders.get(card.address, ())),
        missing=missing,
        **facts,
    )


def _memory(card: AmdCard) -> dict[str, int | None]:
    """What programs can use: an APU's own part of the memory and what it may take of the machine's."""
    own = (card.vram_total_bytes, card.vram_used_bytes)
    shared = (card.gtt_total_bytes, card.gtt_used_bytes)
    pairs = zip(own, shared, strict=True) if card.is_apu else ((part, 0) for part in own)
    sums = [None if one is None or other is None else one + other for one, other in pairs]
    return dict(zip(("vram_total_bytes", "vram_used_bytes"), sums, strict=True))


def _refusal(render: str | None, nodes: Nodes) -> str | None:
    """Why no container can be given the card. Nodes that nobody could list speak neither for it nor against it."""
    if render is None:
        return "it has no render node in /dev/dri: is the amdgpu driver loaded?"
    if nodes.groups and KFD not in nodes.groups:
        return f"there is no {KFD}, through which programs compute on it"
    return None
