"""Pure: reads what `rocm-smi --json`, `amd-smi … --json` and the kernel say of AMD cards."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ozwald.model.resources import Gpu, Hardware

LONGEST: Final = 256
KFD: Final = "/dev/kfd"
NAMES: Final = ("card series", "device name", "market name", "card model")
UNITS: Final = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}


class NotAmdOutput(ValueError):
    """The text is not what the tool prints; says what it is instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmdCard:
    """What one source says of one card; `address` is its PCI address as the kernel writes it."""

    address: str
    name: str | None = None
    vram_total_bytes: int | None = None
    vram_used_bytes: int | None = None
    driver_version: str | None = None
    render_node: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Nodes:
    """Device nodes: render nodes by PCI address, and the group that owns each node."""

    render: Mapping[str, str]
    groups: Mapping[str, int]


def parse_rocm_smi(text: bytes) -> list[AmdCard]:
    """Reads `rocm-smi … --json`, whose key names change from release to release; raises NotAmdOutput."""
    document = _json(text)
    if not isinstance(document, dict):
        raise NotAmdOutput("it is not the object that rocm-smi prints")
    driver = _first(_folded(document.get("system")), ("driver version",))
    cards = []
    for key, entry in document.items():
        facts = _folded(entry) if re.fullmatch(r"card\d+", key) else {}
        address = _address(_first(facts, ("pci bus",)))
        if address is None:
            continue
        cards.append(
            AmdCard(
                address=address,
                name=_first(facts, NAMES),
                vram_total_bytes=_whole(_first(facts, ("vram total memory (b)",))),
                vram_used_bytes=_whole(_first(facts, ("vram total used memory (b)",))),
                driver_version=driver,
            )
        )
    return cards


def parse_amd_smi(static: bytes, metric: bytes) -> list[AmdCard]:
    """Reads `amd-smi static` and `amd-smi metric`, both with `--json`; raises NotAmdOutput."""
    used = {entry.get("gpu"): entry for entry in _entries(metric)} if metric.strip() else {}
    cards = []
    for entry in _entries(static):
        address = _address(_at(entry, "bus", "bdf"))
        if address is None:
            continue
        memory = _at(used.get(entry.get("gpu")), "mem_usage")
        cards.append(
            AmdCard(
                address=address,
                name=_text(_at(entry, "asic", "market_name")),
                vram_total_bytes=_size(_at(memory, "total_vram")) or _size(_at(entry, "vram", "size")),
                vram_used_bytes=_size(_at(memory, "used_vram")),
                driver_version=_text(_at(entry, "driver", "version")),
            )
        )
    return cards


def parse_sysfs(text: str) -> list[AmdCard]:
    """Reads the probe's own lines about /sys/class/drm."""
    cards: list[AmdCard] = []
    for line in text.splitlines():
        key, _, value = line.strip().partition(" ")
        if key == "card" and (address := _address(value)):
            cards.append(AmdCard(address=address))
        elif cards and key == "mem_info_vram_total":
            cards[-1] = replace(cards[-1], vram_total_bytes=_whole(value))
        elif cards and key == "mem_info_vram_used":
            cards[-1] = replace(cards[-1], vram_used_bytes=_whole(value))
        elif cards and key == "product_name" and value:
            cards[-1] = replace(cards[-1], name=value[:LONGEST])
        elif cards and key == "render":
            cards[-1] = replace(cards[-1], render_node=_node(value))
    return cards


def parse_nodes(text: str) -> Nodes:
    """Reads the probe's own lines about /dev/dri and /dev/kfd."""
    render: dict[str, str] = {}
    groups: dict[str, int] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) != 3:
            continue
        kind, subject, value = words
        if kind == "path" and (address := _address(subject)) and (node := _node(value)):
            render[address] = node
        elif kind == "group" and value.isdecimal():
            groups[subject] = int(value)
    return Nodes(render=render, groups=groups)


def cards(told: Iterable[AmdCard], seen: Iterable[AmdCard], nodes: Nodes) -> tuple[Gpu, ...]:
    """Joins what the tool told with what the kernel shows, by PCI address; the tool wins, the kernel fills in."""
    by_address = {card.address: card for card in seen}
    joined = [_filled(card, by_address.pop(card.address, None)) for card in told]
    joined += by_address.values()
    return tuple(_gpu(index, card, nodes) for index, card in enumerate(joined))


def _filled(card: AmdCard, seen: AmdCard | None) -> AmdCard:
    if seen is None:
        return card
    return AmdCard(
        address=card.address,
        name=card.name or seen.name,
        vram_total_bytes=seen.vram_total_bytes if card.vram_total_bytes is None else card.vram_total_bytes,
        vram_used_bytes=seen.vram_used_bytes if card.vram_used_bytes is None else card.vram_used_bytes,
        driver_version=card.driver_version,
        render_node=seen.render_node,
    )


def _gpu(index: int, card: AmdCard, nodes: Nodes) -> Gpu:
    render = card.render_node or nodes.render.get(card.address)
    owners = [nodes.groups[node] for node in (KFD, render or "") if node in nodes.groups]
    return Gpu(
        hardware=Hardware.AMDGPU,
        index=index,
        id=f"amd-{card.address}",
        name=card.name or "AMD card",
        vram_total_bytes=card.vram_total_bytes,
        vram_used_bytes=card.vram_used_bytes,
        driver_version=card.driver_version,
        pci_address=card.address,
        render_node=render,
        group_ids=tuple(dict.fromkeys(owner for owner in owners if owner != 0)),
    )


def _json(text: bytes) -> Any:
    """The JSON in a tool's output; both tools may print warnings before it."""
    found = re.search(rb"^\s*[\[{]", text, re.MULTILINE)
    if found is None:
        lines = text.decode("utf-8", "replace").strip().splitlines()
        raise NotAmdOutput(lines[-1].strip() if lines else "it printed nothing")
    try:
        return json.JSONDecoder().raw_decode(text[found.start() :].decode("utf-8", "replace").lstrip())[0]
    except (ValueError, RecursionError) as err:
        raise NotAmdOutput(f"it is not JSON: {err}") from err


def _entries(text: bytes) -> Iterator[dict[str, Any]]:
    """One object per card: a plain list, since ROCm 7 inside `gpu_data`."""
    document = _json(text)
    listed = document.get("gpu_data", []) if isinstance(document, dict) else document
    return (entry for entry in listed if isinstance(entry, dict)) if isinstance(listed, list) else iter(())


def _folded(entry: Any) -> dict[str, Any]:
    return {str(key).strip().lower(): value for key, value in entry.items()} if isinstance(entry, dict) else {}


def _first(facts: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    """The first of the facts that says something; a bare number in hexadecimal is no name."""
    for key in keys:
        text = _text(facts.get(key))
        if text is not None and not re.fullmatch(r"0x[0-9a-fA-F]+", text):
            return text
    return None


def _text(value: Any) -> str | None:
    if not isinstance(value, str | int):
        return None
    text = str(value).strip()[:LONGEST]
    return None if text in ("", "N/A") else text


def _at(entry: Any, *keys: str) -> Any:
    for key in keys:
        entry = entry.get(key) if isinstance(entry, dict) else None
    return entry


def _whole(value: Any) -> int | None:
    text = str(value).strip() if value is not None else ""
    return int(text) if re.fullmatch(r"\d{1,18}", text) else None


def _size(value: Any) -> int | None:
    """Bytes of `{"value": 16368, "unit": "MB"}`, where MB means MiB, or of `"16368 MB"`."""
    if isinstance(value, str):
        number, _, unit = value.strip().partition(" ")
    else:
        number, unit = str(_at(value, "value")), str(_at(value, "unit"))
    whole = _whole(number)
    factor = UNITS.get(unit.strip().lower())
    return whole * factor if whole is not None and factor is not None else None


def _address(value: Any) -> str | None:
    found = re.fullmatch(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])", str(value).strip().lower())
    return f"{(found[1] or '0000')[-4:]}:{found[2]}" if found else None


def _node(path: str) -> str | None:
    return path if re.fullmatch(r"/dev/dri/renderD\d+", path) else None
