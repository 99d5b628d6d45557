"""The facts of the controller's own machine where it has no /proc: psutil knows them on macOS too."""

import os
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from socket import SOCK_STREAM
from typing import Any

import psutil

from ozwald.model.resources import HostResources, Listener
from ozwald.remote.listeners import in_order
from ozwald.remote.text import clean

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
        ("listeners",): lambda: (_listeners(),),
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


def _listeners() -> tuple[Listener, ...]:
    """Those of the processes that this user may look at."""
    found: list[Listener] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            who: dict[str, Any] = {"user": process.username(), "pid": process.pid, "command": clean(process.name())}
            found += [replace(_listener(one), **who) for one in process.net_connections("inet") if _is_waiting(one)]
    return in_order(found)


def _is_waiting(one: Any) -> bool:
    return bool(one.laddr) and not one.raddr and one.status in (psutil.CONN_LISTEN, psutil.CONN_NONE)


def _listener(one: Any) -> Listener:
    protocol = "tcp" if one.type == SOCK_STREAM else "udp"
    return Listener(protocol=protocol, address=one.laddr.ip.removeprefix("::ffff:"), port=one.laddr.port)
