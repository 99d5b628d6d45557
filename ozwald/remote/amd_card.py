"""What one source says of one AMD card, and how the words of the sources are read."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ozwald.remote.text import clean

LONGEST: Final = 256
UNITS: Final = {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30}
SHARED_MEMORY: Final = re.compile(r"(LP)?DDR\d", re.IGNORECASE)


class NotAmdOutput(ValueError):
    """The text is not what the tool prints; says what it is instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AmdCard:
    """What one source says of one card; `address` is its PCI address as the kernel writes it.

    `gtt_*` is the machine's memory that the card may use. `is_apu`: it sits in the processor and shares its memory.
    """

    address: str
    name: str | None = None
    architecture: str | None = None
    vram_total_bytes: int | None = None
    vram_used_bytes: int | None = None
    gtt_total_bytes: int | None = None
    gtt_used_bytes: int | None = None
    driver_version: str | None = None
    render_node: str | None = None
    power_w: float | None = None
    power_limit_w: float | None = None
    temperature_c: float | None = None
    utilization_percent: int | None = None
    ecc_uncorrected_errors: int | None = None
    is_apu: bool | None = None


def address(value: Any) -> str | None:
    """A PCI address as the kernel writes it."""
    found = re.fullmatch(r"(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])", str(value).strip().lower()[:LONGEST])
    return f"{(found[1] or '0000')[-4:]}:{found[2]}" if found else None


def render_node(path: str) -> str | None:
    """The path, if it is that of a render node."""
    return path if re.fullmatch(r"/dev/dri/renderD\d{1,4}", path) else None


def text(value: Any) -> str | None:
    """A text that says something; a bare number in hexadecimal is no name."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    said = clean(str(value)[:LONGEST])
    return None if said in ("", "N/A") or re.fullmatch(r"0x[0-9a-fA-F]+", said) else said


def whole(value: Any) -> int | None:
    """A count, at most eighteen digits."""
    said = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return int(said) if re.fullmatch(r"\d{1,18}", said) else None


def number(value: Any) -> float | None:
    """The number in `45.0`, `45`, `{"value": 45, "unit": "W"}` or `45 W`."""
    said = value.get("value") if isinstance(value, dict) else value
    if isinstance(said, bool) or not isinstance(said, str | int | float):
        return None
    found = re.match(r"\d{1,9}(?:\.\d{1,9})?(?=\s*\D{0,3}$)", str(said).strip()[:LONGEST])
    return float(found[0]) if found else None


def percent(value: Any) -> int | None:
    """A whole percentage."""
    found = number(value)
    return int(found) if found is not None and 0 <= found <= 100 else None


def size(value: Any, unit: str = "mb") -> int | None:
    """Bytes of `{"value": 16368, "unit": "MB"}`, of `"16368 MB"` or of a bare number of units; MB means MiB."""
    if isinstance(value, dict):
        said, unit = value.get("value"), str(value.get("unit") or unit)
    elif isinstance(value, str) and " " in value.strip():
        said, _, unit = value.strip().partition(" ")
    else:
        said = value
    count, factor = whole(said), UNITS.get(unit.strip().lower())
    return count * factor if count is not None and factor is not None else None


def at(entry: Any, *keys: str) -> Any:
    """What stands at a path of keys, or None."""
    for key in keys:
        entry = entry.get(key) if isinstance(entry, Mapping) else None
    return entry


def first_at(entry: Any, *paths: str) -> Any:
    """What stands at the first of the paths, such as `power.socket_power`, where something does."""
    for path in paths:
        found = at(entry, *path.split("."))
        if found is not None and found != "N/A" and at(found, "value") != "N/A":
            return found
    return None
