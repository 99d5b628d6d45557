"""The facts of hosts as JSON has them: `show_host_resources --output json` and the HTTP API; docs/resources.md."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from ozwald.model.resources import Gpu, HostResources


def resource_document(resources: HostResources, *, now: float) -> dict[str, Any]:
    """One host's facts with their age at `now`, seconds since the epoch."""
    document: dict[str, Any] = {"host": resources.host, "age_s": round(max(0.0, now - resources.observed_at), 3)}
    document |= asdict(resources)
    document["gpus"] = [_card(gpu) for gpu in resources.gpus]
    plain: dict[str, Any] = _plain(document)
    return plain


def _card(gpu: Gpu) -> dict[str, Any]:
    card: dict[str, Any] = {}
    for key, value in asdict(gpu).items():
        card[key] = value
        if key == "vram_reserved_bytes":
            card["vram_free_bytes"] = gpu.vram_free_bytes
    return card | {"hardware": gpu.hardware.value}


def _plain(value: Any) -> Any:
    """The same of lists and maps only, which every writer of JSON or YAML knows."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
