"""Pure: what the texts of nvidia-smi mean, in releases old and new."""

import re
from collections.abc import Mapping
from typing import Any, Final

from ozwald.remote.text import clean

MEBIBYTE: Final = 1 << 20
Texts = Mapping[str, str]

# Where each fact stands and what its text is like; the first place that says something counts.
MIB: Final = re.compile(r"(\d{1,12}) MiB")
WATT: Final = re.compile(r"(\d{1,6}(?:\.\d{1,6})?) W")
CELSIUS: Final = re.compile(r"(\d{1,4}) C")
PERCENT: Final = re.compile(r"(\d{1,3}) %")
PLACES: Final[Mapping[str, tuple[re.Pattern[str], tuple[str, ...]]]] = {
    "vram_total_bytes": (MIB, ("fb_memory_usage/total",)),
    "vram_used_bytes": (MIB, ("fb_memory_usage/used",)),
    "vram_reserved_bytes": (MIB, ("fb_memory_usage/reserved",)),
    "power_w": (
        WATT,
        (
            "gpu_power_readings/power_draw",
            "gpu_power_readings/average_power_draw",
            "gpu_power_readings/instant_power_draw",
            "power_readings/power_draw",
        ),
    ),
    "power_limit_w": (WATT, ("gpu_power_readings/current_power_limit", "power_readings/power_limit")),
    "temperature_c": (CELSIUS, ("temperature/gpu_temp",)),
    "utilization_percent": (PERCENT, ("utilization/gpu_util",)),
}
ECC: Final = "ecc_mode/current_ecc"
ERRORS: Final = tuple(
    f"ecc_errors/volatile/{name}"
    for name in (
        *("sram_uncorrectable", "sram_uncorrectable_parity", "sram_uncorrectable_secded", "dram_uncorrectable"),
        "double_bit/total",
    )
)
ARCHITECTURE: Final = "product_architecture"
ADDRESSING: Final = "addressing_mode"
SILENT: Final = ("", "none", "n/a", "not supported", "not found", "unknown error", "insufficient permissions")
DEPRECATED: Final = "Requested functionality has been deprecated"
SHARES_MEMORY: Final = re.compile(r"\b(GB10|Orin|Xavier|Thor|Tegra|Jetson|nvgpu)\b", re.IGNORECASE)

READ: Final = frozenset(
    (*(place for _, places in PLACES.values() for place in places), *ERRORS, ECC, ARCHITECTURE, ADDRESSING)
)


def measured(texts: Texts, missing: dict[str, str]) -> dict[str, Any]:
    """The facts of Gpu that nvidia-smi measures, by name; those that are None get their reasons."""
    facts: dict[str, Any] = {name: _number(name, texts, missing) for name in PLACES}
    for name in ("vram_total_bytes", "vram_used_bytes", "vram_reserved_bytes"):
        facts[name] = None if facts[name] is None else int(facts[name]) * MEBIBYTE
    if facts["utilization_percent"] is not None:
        facts["utilization_percent"] = int(facts["utilization_percent"])
    return facts | {
        "architecture": said(texts, ARCHITECTURE, "architecture", missing),
        "ecc_enabled": _ecc(texts, missing),
        "ecc_uncorrected_errors": _errors(texts, missing),
    }


def said(texts: Texts, place: str, fact: str, missing: dict[str, str]) -> str | None:
    """The text at a place, or None with the reason."""
    text = clean(texts.get(place, ""))
    if is_silent(text):
        missing[fact] = _why(texts.get(place))
        return None
    return text


def is_silent(text: str) -> bool:
    """Whether nvidia-smi's text says that it has nothing to say; some releases put it in brackets."""
    return text.strip("[] ").lower() in SILENT or text.strip("[] ") == DEPRECATED


def memory_is_shared(texts: Texts, name: str) -> bool:
    """Whether the card uses the machine's memory: it names none of its own, and its model or mode says why."""
    if not is_silent(texts.get("fb_memory_usage/total", "")):
        return False
    return texts.get(ADDRESSING) == "ATS" or SHARES_MEMORY.search(name) is not None


def address(text: str | None) -> str | None:
    """A PCI address in the kernel's form: nvidia-smi writes a domain of eight digits, and capitals."""
    found = re.fullmatch(r"([0-9A-Fa-f]{4})?([0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])", text or "")
    return found[2].lower() if found else None


def whole(text: str | None) -> int | None:
    """A small number, such as an index or a process id."""
    return int(text) if text is not None and re.fullmatch(r"\d{1,9}", text) else None


def mebibytes(text: str | None) -> int | None:
    """Bytes of `22 MiB`."""
    found = MIB.fullmatch(text or "")
    return int(found[1]) * MEBIBYTE if found else None


def _number(fact: str, texts: Texts, missing: dict[str, str]) -> float | None:
    pattern, places = PLACES[fact]
    for place in places:
        if found := pattern.fullmatch(texts.get(place, "")):
            return float(found[1])
    missing[fact] = _why(next((texts[place] for place in places if place in texts), None))
    return None


def _ecc(texts: Texts, missing: dict[str, str]) -> bool | None:
    text = texts.get(ECC)
    if text in ("Enabled", "Disabled"):
        return text == "Enabled"
    missing["ecc_enabled"] = _why(text)
    return None


def _errors(texts: Texts, missing: dict[str, str]) -> int | None:
    """Uncorrected errors since the driver was loaded, in all kinds of memory that are counted."""
    counts = [count for place in ERRORS if (count := whole(texts.get(place))) is not None]
    if not counts:
        missing["ecc_uncorrected_errors"] = _why(next((texts[place] for place in ERRORS if place in texts), None))
        return None
    return sum(counts)


def _why(text: str | None) -> str:
    return "nvidia-smi does not report it" if text is None else f"nvidia-smi says {clean(text, limit=80) or 'nothing'}"
