"""One form for what Compose and what Ozwald make of a service: fields of the specification, without what is empty."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any

from ozwald.model.service import ServiceSpec

Form = dict[str, Any]

_SAME = (
    "image", "command", "entrypoint", "environment", "restart", "ipc", "pid", "group_add", "cap_add", "cap_drop",
    "security_opt", "user", "working_dir", "labels", "tmpfs", "init", "cpus", "runtime", "pull_policy", "read_only",
)  # fmt: skip
_SIZES = ("shm_size", "mem_limit")
_DURATION_PART = re.compile(r"([0-9.]+)(ns|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
# An empty command clears the image's, and a flag that is false is not one that is left out.
_MAY_BE_EMPTY = ("command", "entrypoint", "init", "stop_grace_period")


def form_of_spec(spec: ServiceSpec) -> Form:
    """What Ozwald resolved."""
    fields = (*_SAME, *_SIZES, "stop_grace_period", "volumes", "ports", "healthcheck", "depends_on", "networks")
    form = {name: _plain(getattr(spec, name)) for name in (*fields, "ulimits", "devices", "extra_hosts")}
    form["networks"] = sorted(form["networks"], key=str)
    form["ports"] = sorted(form["ports"], key=str)
    form["extra_hosts"] = sorted(form["extra_hosts"])
    return _without_empty(form)


def form_of_compose(service: Mapping[str, Any]) -> Form:
    """What `docker-compose config` printed, as Ozwald would have it."""
    form: Form = {name: service.get(name) for name in _SAME}
    form |= {name: int(service.get(name) or 0) for name in _SIZES}
    form["read_only"] = service.get("read_only", False)
    form["pull_policy"] = service.get("pull_policy", "missing")
    form["stop_grace_period"] = _seconds(service.get("stop_grace_period"))
    form["volumes"] = [_mount(one) for one in service.get("volumes", ())]
    form["ports"] = sorted((_port(one) for one in service.get("ports", ())), key=str)
    form["healthcheck"] = _healthcheck(service.get("healthcheck") or {})
    form["depends_on"] = [_dependency(name, one) for name, one in service.get("depends_on", {}).items()]
    form["networks"] = sorted(
        (_attachment(*one) for one in (service.get("networks") or {"default": None}).items()), key=str
    )
    form["ulimits"] = {name: _ulimit(one) for name, one in service.get("ulimits", {}).items()}
    form["devices"] = [_device(one) for one in service.get("devices", ())]
    form["extra_hosts"] = sorted(one.replace("=", ":", 1) for one in service.get("extra_hosts", ()))
    return _without_empty(form)


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _without_empty(asdict(value))
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, Mapping) else value


def _without_empty(form: Form) -> Form:
    """Lists for tuples, and nothing that says nothing; a time of 0 and no time are different."""
    kept = {key: list(value) if isinstance(value, tuple) else value for key, value in form.items()}
    return {
        key: value
        for key, value in kept.items()
        if value or (value is not None and (key in _MAY_BE_EMPTY or key.endswith("_s") or isinstance(value, bool)))
    }


def _seconds(written: str | None) -> float | None:
    if written is None:
        return None
    return round(sum(float(number) * _SECONDS[unit] for number, unit in _DURATION_PART.findall(written)), 9)


def _mount(mount: Mapping[str, Any]) -> Form:
    bind = mount.get("bind")
    volume, tmpfs = mount.get("volume", {}), mount.get("tmpfs", {})
    return _without_empty(
        {
            "type": mount["type"],
            # The engine cleans paths too.
            "source": posixpath.normpath(mount["source"]) if mount.get("source") else None,
            "target": mount["target"],
            "read_only": mount.get("read_only", False),
            "propagation": (bind or {}).get("propagation"),
            "selinux": (bind or {}).get("selinux"),
            # What is printed as empty options would not be created.
            "create_host_path": bind is None or mount["type"] != "bind" or bind.get("create_host_path", False),
            "nocopy": volume.get("nocopy", False),
            "tmpfs_bytes": int(tmpfs.get("size", 0)),
            "tmpfs_mode": tmpfs.get("mode"),
            "on_controller": mount.get("on_controller", False),
        }
    )


def _port(port: Mapping[str, Any]) -> Form:
    first, _, last = str(port.get("published", "")).partition("-")
    return _without_empty(
        {
            "target": port["target"],
            "protocol": port["protocol"],
            "published": None if last else int(first or 0),
            "host_ip": port.get("host_ip"),
            "choice": [int(first), int(last)] if last else None,
        }
    )


def _healthcheck(check: Mapping[str, Any]) -> Form:
    if check.get("disable"):
        return {"test": ["NONE"]}
    times = ("interval", "timeout", "start_period", "start_interval")
    return _without_empty(
        {
            "test": check.get("test"),
            **{f"{name}_s": _seconds(check.get(name)) for name in times},
            "retries": check.get("retries"),
        }
    )


def _dependency(name: str, dependency: Mapping[str, Any]) -> Form:
    return {
        "instance": name,
        "condition": dependency["condition"],
        "required": dependency["required"],
        "restart": dependency.get("restart", False),
    }


def _attachment(name: str, attachment: Mapping[str, Any] | None) -> Form:
    return _without_empty({"network": name, "aliases": (attachment or {}).get("aliases")})


def _ulimit(limit: int | Mapping[str, int]) -> Form:
    if isinstance(limit, int):
        return _without_empty({"soft": limit, "hard": limit})
    return _without_empty({"soft": limit.get("soft", 0), "hard": limit.get("hard", 0)})


def _device(device: Mapping[str, str]) -> Form:
    return {
        "source": device["source"],
        "target": device["target"],
        "permissions": device.get("permissions", ""),
    }
