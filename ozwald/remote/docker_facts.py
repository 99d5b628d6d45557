"""Pure: reads what an engine says of itself, whatever else it says."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from ozwald.model.resources import DockerFacts
from ozwald.remote.text import clean

LISTED: Final = 64
UNSAID: Final = "the engine does not say"
TEXTS: Final = {
    "root_dir": "DockerRootDir",
    "storage_driver": "Driver",
    "cgroup_driver": "CgroupDriver",
    "default_runtime": "DefaultRuntime",
}


def facts(info: Mapping[str, Any], headers: Mapping[str, str]) -> DockerFacts:
    """Reads what `GET /info` answers; what is missing or of another type is None with the reason."""
    cgroup = str(info.get("CgroupVersion") or "")
    live_restore = info.get("LiveRestoreEnabled")
    found: dict[str, Any] = {name: _text(info.get(key)) for name, key in TEXTS.items()}
    found |= {
        "api_version": _text(headers.get("Api-Version")),
        "cgroup_version": int(cgroup) if cgroup in ("1", "2") else None,
        "live_restore": live_restore if isinstance(live_restore, bool) else None,
    }
    return DockerFacts(
        version=_text(info.get("ServerVersion")) or "",
        product="Podman Engine" if "Libpod-Api-Version" in headers else "Docker Engine",
        runtimes=tuple(sorted(_texts(info.get("Runtimes")))),
        rootless=any("rootless" in option.split(",")[0] for option in _texts(info.get("SecurityOptions"))),
        cdi_spec_dirs=_texts(info.get("CDISpecDirs")),
        cdi_devices=_texts(device.get("ID") for device in _objects(info.get("DiscoveredDevices"))),
        warnings=_texts(info.get("Warnings")),
        missing={name: UNSAID for name, value in found.items() if value is None},
        **found,
    )


def _objects(value: Any) -> Iterable[Mapping[str, Any]]:
    return (entry for entry in value if isinstance(entry, Mapping)) if isinstance(value, list) else ()


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        return ()
    found = [text for entry in value if (text := _text(entry))]
    return tuple(found[:LISTED])


def _text(value: Any) -> str | None:
    return clean(value) or None if isinstance(value, str) else None
