"""What a container is made with, as one flat map in one spelling: `ports.8000/tcp`, `environment.MODEL`, `image`."""

import json
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ozwald.model.realm import Network
from ozwald.model.resources import Gpu, amd_groups, amd_nodes
from ozwald.model.service import Attachment, Healthcheck, Mount, Port, ServiceSpec

Settled = Mapping[str, Any]

# Changed on the container that is there; all others need a new one.
IN_PLACE: Final = ("restart", "mem_limit", "cpus")


def settled(spec: ServiceSpec, networks: Sequence[Network], gpus: Sequence[Gpu] = ()) -> dict[str, Any]:
    """Everything an engine is told for one container with these cards; what the settings leave open is absent.

    Keys are those of the settings, with a dot before the part of one that has parts. Values are as JSON has them.
    """
    found = {
        "service": spec.service,
        "variety": spec.variety or "",
        "profile": spec.profile or "",
        "image": image_reference(spec.image),
        "command": list(spec.command) if spec.command else None,
        "entrypoint": None if spec.entrypoint is None else list(spec.entrypoint),
        "user": spec.user,
        "working_dir": spec.working_dir,
        "restart": restart(spec.restart),
        "mem_limit": spec.mem_limit or None,
        "cpus": spec.cpus or None,
        "shm_size": spec.shm_size or None,
        "ipc": spec.ipc,
        "pid": spec.pid,
        "runtime": spec.runtime,
        "init": spec.init,
        "read_only": spec.read_only or None,
        "cap_add": capabilities(spec.cap_add) or None,
        "cap_drop": capabilities(spec.cap_drop) or None,
        "security_opt": security_options(spec.security_opt, ipc=spec.ipc, pid=spec.pid) or None,
        "group_add": sorted({*spec.group_add, *amd_groups(gpus)}) or None,
        "extra_hosts": sorted(spec.extra_hosts) or None,
        "gpus": sorted(gpu.id for gpu in gpus) or None,
        **keyed("environment", spec.environment),
        **keyed("labels", spec.labels),
        **keyed("ulimits", {name: [limit.soft, limit.hard] for name, limit in spec.ulimits.items()}),
        **keyed("devices", _devices(spec, gpus)),
        **keyed("volumes", {mount.target: volume(mount) for mount in spec.volumes}),
        **keyed("tmpfs", dict(tmpfs(entry) for entry in spec.tmpfs)),
        **keyed("ports", ports(spec.ports)),
        **keyed("healthcheck", healthcheck(spec.healthcheck)),
        **keyed("networks", _networks(spec, networks)),
    }
    return {key: value for key, value in found.items() if value is not None}


def image_reference(reference: str) -> str:
    """An image's full name: `docker.io/library/redis:latest` for `redis`."""
    first, slash, rest = reference.partition("/")
    is_registry = bool(slash) and (first == "localhost" or "." in first or ":" in first)
    registry, path = (first, rest) if is_registry else ("docker.io", reference)
    if registry in ("docker.io", "index.docker.io"):
        registry, path = "docker.io", path if "/" in path else f"library/{path}"
    has_tag = "@" in path or ":" in path.rpartition("/")[2]
    return f"{registry}/{path}" if has_tag else f"{registry}/{path}:latest"


def restart(text: str | None) -> str | None:
    """A restart policy; no limit to the attempts is spelled by leaving the count away."""
    return text.removesuffix(":0") if text else None


def capabilities(names: Iterable[str]) -> list[str]:
    """Capabilities without their prefix, sorted."""
    return sorted({name.upper().removeprefix("CAP_") for name in names})


def security_options(options: Iterable[str], *, ipc: str | None, pid: str | None) -> list[str]:
    """Security options with `=` before their value, which may be written `:`, sorted.

    Where a namespace is the host's the engine adds `label=disable` by itself.
    """
    found = {_security_option(option) for option in options}
    return sorted(found - {"label=disable"} if "host" in (ipc, pid) else found)


def _security_option(option: str) -> str:
    name, sign, value = option.partition("=")
    if not sign:
        name, sign, value = option.partition(":")
    if name == "no-new-privileges" and value in ("", "true"):
        return name
    return f"{name}={_compact(value)}" if sign else name


def _compact(value: str) -> str:
    """A seccomp profile is a JSON document, whose spaces say nothing."""
    if not value.startswith("{"):
        return value
    try:
        return json.dumps(json.loads(value), sort_keys=True, separators=(",", ":"))
    except ValueError:
        return value


def volume(mount: Mount) -> str:
    """A mount in one line: type, source and what differs from the usual."""
    is_bind = mount.type == "bind"
    options = [
        "read-only" if mount.read_only else "",
        mount.propagation if is_bind and mount.propagation not in (None, "rprivate") else "",
        mount.selinux or "",
        "nocopy" if mount.nocopy else "",
        f"size={mount.tmpfs_bytes}" if mount.tmpfs_bytes else "",
        f"mode={mount.tmpfs_mode:o}" if mount.tmpfs_mode else "",
    ]
    source = posixpath.normpath(mount.source) if is_bind and mount.source else mount.source
    return " ".join(filter(None, [mount.type, source, *options]))


def tmpfs(entry: str) -> tuple[str, str]:
    """The path and the options of an entry of `tmpfs`."""
    path, _, options = entry.partition(":")
    return posixpath.normpath(path), ",".join(sorted(filter(None, options.split(","))))


def ports(entries: Iterable[Port]) -> dict[str, list[str]]:
    """Where each container port is published: `8000`, `127.0.0.1:8000`, `8000-8010`, or `any`."""
    found: dict[str, list[str]] = {}
    for port in entries:
        number = "{}-{}".format(*port.choice) if port.choice else str(port.published or "any")
        found.setdefault(port.key, []).append(f"{port.host_ip}:{number}" if port.host_ip else number)
    return {key: sorted(places) for key, places in found.items()}


def healthcheck(check: Healthcheck | None) -> dict[str, Any]:
    """What a healthcheck says, times in seconds; 0 leaves it to the image or the engine, as saying nothing does."""
    if check is None:
        return {}
    found = {
        "test": list(check.test),
        "interval": check.interval_s,
        "timeout": check.timeout_s,
        "start_period": check.start_period_s,
        "start_interval": check.start_interval_s,
        "retries": check.retries,
    }
    return {key: value for key, value in found.items() if value}


def keyed(key: str, parts: Mapping[str, Any]) -> dict[str, Any]:
    """Each part under its key."""
    return {f"{key}.{part}": value for part, value in parts.items()}


def _devices(spec: ServiceSpec, gpus: Sequence[Gpu]) -> dict[str, str]:
    cards = {node: f"{node} rwm" for node in amd_nodes(gpus)}
    named = {one.target: one.source if one.is_cdi else f"{one.source} {one.permissions}" for one in spec.devices}
    return named | cards


def _networks(spec: ServiceSpec, networks: Sequence[Network]) -> dict[str, list[str]]:
    """The aliases on each network, by the name that it has on a host."""
    pairs: Iterable[tuple[Network, Attachment]] = zip(networks, spec.networks, strict=True)
    return {
        network.name_on_host(spec.realm): sorted({spec.instance, *attachment.aliases}) for network, attachment in pairs
    }
