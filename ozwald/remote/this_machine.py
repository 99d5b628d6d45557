"""The facts of the controller's own machine where it has no /proc: psutil knows them on macOS too."""

import os
import platform
from collections.abc import Callable
from typing import Any

import psutil

from ozwald.model.resources import HostResources

ELSEWHERE = "it is looked for on Linux only"


def read(host_name: str, observed_at: float, *, root: str = "/") -> HostResources:
    """What this machine is and has, in the same model; cards are those of Linux only, so there are none."""
    missing = dict.fromkeys(("boot_id", "cpu_sockets", "cgroup_version", "container_toolkit"), ELSEWHERE)
    facts: dict[str, Any] = {}
    for names, ask in _questions(root).items():
        facts |= _answered(names, ask, missing)
    return HostResources(host=host_name, observed_at=observed_at, **facts, missing=missing)


def _questions(root: str) -> dict[tuple[str, ...], Callable[[], tuple[Any, ...]]]:
    """Names of facts, and what gives their values; 0 and nothing stand for what the system does not say."""
    return {
        ("os",): lambda: (_os(),),
        ("kernel",): lambda: (platform.release(),),
        ("architecture",): lambda: (platform.machine(),),
        ("cpu_model",): lambda: (platform.processor(),),
        ("cpu_count",): lambda: (psutil.cpu_count(),),
        ("cpu_cores",): lambda: (psutil.cpu_count(logical=False),),
        ("load_1m",): lambda: psutil.getloadavg()[:1],
        ("memory_total_bytes", "memory_available_bytes"): _memory,
        ("swap_total_bytes", "swap_free_bytes"): _swap,
        ("disk_total_bytes", "disk_free_bytes"): lambda: _disk(root),
    }


def _answered(names: tuple[str, ...], ask: Callable[[], tuple[Any, ...]], missing: dict[str, str]) -> dict[str, Any]:
    try:
        values = [None if value == "" else value for value in ask()]
        why = "the system does not say"
    except (OSError, RuntimeError, NotImplementedError, psutil.Error) as err:
        values, why = [None] * len(names), f"the system refused: {err}"
    missing |= {name: why for name, value in zip(names, values, strict=True) if value is None}
    return dict(zip(names, values, strict=True))


def _os() -> str:
    if platform.system() == "Darwin":
        return f"macOS {platform.mac_ver()[0]}"
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return f"{platform.system()} {platform.release()}".strip()


def _memory() -> tuple[int, int]:
    memory = psutil.virtual_memory()
    return memory.total, memory.available


def _swap() -> tuple[int, int]:
    swap = psutil.swap_memory()
    return swap.total, swap.free


def _disk(root: str) -> tuple[int, int]:
    disk = psutil.disk_usage(root if os.path.isdir(root) else "/")
    return disk.total, disk.free
