"""Pure: reads what `rocm-smi --json` and `amd-smi … --json` say, in releases old and new."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ozwald.remote.amd_card import (
    SHARED_MEMORY,
    AmdCard,
    NotAmdOutput,
    address,
    at,
    first_at,
    number,
    percent,
    size,
    text,
    whole,
)
from ozwald.remote.text import clean

MOST_CARDS: Final = 256
# Keys of rocm-smi in small letters, since releases differ in capitals too.
NAMES: Final = ("card series", "device name", "market name", "card model")
POWER: Final = ("average graphics package power (w)", "current socket graphics package power (w)")
TEMPERATURE: Final = ("temperature (sensor edge) (c)", "temperature (sensor junction) (c)")


def parse_rocm_smi(output: bytes) -> list[AmdCard]:
    """Reads `rocm-smi … --json`, whose key names change from release to release; raises NotAmdOutput."""
    document = _json(output)
    if not isinstance(document, dict):
        raise NotAmdOutput("it is not the object that rocm-smi prints")
    driver = text(_folded(document.get("system")).get("driver version"))
    entries = [_folded(entry) for key, entry in document.items() if re.fullmatch(r"card\d{1,4}", key)]
    found = [_rocm_card(place, facts, driver) for facts in entries if (place := address(facts.get("pci bus")))]
    return found[:MOST_CARDS]


def parse_amd_smi(static: bytes, metric: bytes) -> list[AmdCard]:
    """Reads `amd-smi static` and `amd-smi metric`, both with `--json`; raises NotAmdOutput."""
    measured = {str(entry.get("gpu")): entry for entry in _entries(metric)} if metric.strip() else {}
    found = [
        _amd_card(place, entry, measured.get(str(entry.get("gpu"))))
        for entry in _entries(static)
        if (place := address(at(entry, "bus", "bdf")))
    ]
    return found[:MOST_CARDS]


def _rocm_card(place: str, facts: Mapping[str, Any], driver: str | None) -> AmdCard:
    return AmdCard(
        address=place,
        name=_first(facts, NAMES),
        architecture=text(facts.get("gfx version")),
        vram_total_bytes=whole(facts.get("vram total memory (b)")),
        vram_used_bytes=whole(facts.get("vram total used memory (b)")),
        gtt_total_bytes=whole(facts.get("gtt total memory (b)")),
        gtt_used_bytes=whole(facts.get("gtt total used memory (b)")),
        driver_version=driver,
        power_w=_first_number(facts, POWER),
        power_limit_w=number(facts.get("max graphics package power (w)")),
        temperature_c=_first_number(facts, TEMPERATURE),
        utilization_percent=percent(facts.get("gpu use (%)")),
    )


def _amd_card(place: str, static: Any, metric: Any) -> AmdCard:
    kind = text(first_at(static, "vram.type", "vram.vram_type"))
    return AmdCard(
        address=place,
        name=text(at(static, "asic", "market_name")),
        architecture=text(at(static, "asic", "target_graphics_version")),
        vram_total_bytes=size(first_at(metric, "mem_usage.total_vram"))
        or size(first_at(static, "vram.size", "vram.vram_size_mb", "vram.vram_size")),
        vram_used_bytes=size(first_at(metric, "mem_usage.used_vram")),
        gtt_total_bytes=size(first_at(metric, "mem_usage.total_gtt")),
        gtt_used_bytes=size(first_at(metric, "mem_usage.used_gtt")),
        driver_version=text(first_at(static, "driver.version", "driver.driver_version")),
        power_w=number(first_at(metric, "power.socket_power", "power.current_power")),
        power_limit_w=number(
            first_at(static, "limit.socket_power", "limit.ppt0.socket_power_limit", "limit.max_power")
            or first_at(metric, "power.power_limit")
        ),
        temperature_c=number(first_at(metric, "temperature.edge", "temperature.hotspot")),
        utilization_percent=percent(first_at(metric, "usage.gfx_activity", "usage.gfx_usage")),
        ecc_uncorrected_errors=whole(first_at(metric, "ecc.total_uncorrectable_count", "ecc.total_uncorrectable")),
        is_apu=SHARED_MEMORY.fullmatch(kind) is not None if kind else None,
    )


def _json(output: bytes) -> Any:
    """The JSON in a tool's output; both tools may print warnings before it."""
    said = output.decode("utf-8", "replace")
    error: Exception | None = None
    for found in _candidates(said):
        try:
            return json.JSONDecoder().raw_decode(said, found)[0]
        except (ValueError, RecursionError) as err:
            error = error or err
    if error is not None:
        raise NotAmdOutput(f"it is not JSON: {clean(str(error))}") from error
    lines = said.strip().splitlines()
    raise NotAmdOutput(lines[-1].strip() if lines else "it printed nothing")


def _candidates(said: str) -> Iterator[int]:
    """Where JSON may begin: warnings, too, may begin with a bracket."""
    for _, found in zip(range(8), re.finditer(r"^[ \t]*([\[{])", said, re.MULTILINE), strict=False):
        yield found.start(1)


def _entries(output: bytes) -> Iterator[dict[str, Any]]:
    """One object per card: a plain list, since ROCm 7 inside `gpu_data`."""
    document = _json(output)
    listed = document.get("gpu_data", [document]) if isinstance(document, dict) else document
    return (entry for entry in listed if isinstance(entry, dict)) if isinstance(listed, list) else iter(())


def _folded(entry: Any) -> dict[str, Any]:
    return {str(key).strip().lower(): value for key, value in entry.items()} if isinstance(entry, dict) else {}


def _first(facts: Mapping[str, Any], keys: Iterable[str]) -> str | None:
    return next((said for key in keys if (said := text(facts.get(key))) is not None), None)


def _first_number(facts: Mapping[str, Any], keys: Iterable[str]) -> float | None:
    return next((said for key in keys if (said := number(facts.get(key))) is not None), None)
