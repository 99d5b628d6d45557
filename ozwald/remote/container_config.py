"""Pure: a service's specification as the body of the Engine API's ContainerCreate (1.41 and newer)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ozwald.model.resources import Gpu, Hardware, amd_groups, amd_nodes
from ozwald.model.service import Device, Healthcheck, Mount, Port, ServiceSpec
from ozwald.remote.engine import Limits

NANOSECONDS: Final = 1_000_000_000
OPEN_SYSTEM_PATHS: Final = "systempaths=unconfined"
LEAST_HEALTH_NS: Final = 1_000_000  # the engine refuses less, except 0

Body = dict[str, Any]
NetworkPlace = tuple[str, tuple[str, ...]]


def container_config(
    spec: ServiceSpec,
    *,
    gpus: Sequence[Gpu] = (),
    labels: Mapping[str, str] | None = None,
    networks: Sequence[NetworkPlace] = (),
) -> Body:
    """The body for one container of `spec`, with exactly the given cards.

    `networks` are real network names with this container's aliases; the first is joined at creation, the others
    must be connected afterwards. `labels` win over the service's own.
    """
    return _without_none(
        {
            "Image": spec.image,
            "Cmd": None if spec.command is None else list(spec.command),
            # An empty list clears the image's and leaves its command; one empty word would take that away too.
            "Entrypoint": None if spec.entrypoint is None else list(spec.entrypoint),
            "Env": [f"{name}={value}" for name, value in _environment(spec).items()],
            "User": spec.user,
            "WorkingDir": spec.working_dir,
            "Labels": {**spec.labels, **(labels or {})},
            "Healthcheck": _healthcheck(spec.healthcheck) if spec.healthcheck else None,
            "StopTimeout": None if spec.stop_grace_period is None else int(spec.stop_grace_period),
            "ExposedPorts": {_port_key(port): {} for port in spec.ports} or None,
            "HostConfig": _host_config(spec, gpus, networks),
            "NetworkingConfig": _networking(networks),
        }
    )


def _host_config(spec: ServiceSpec, gpus: Sequence[Gpu], networks: Sequence[NetworkPlace]) -> Body:
    nvidia = [gpu for gpu in gpus if gpu.hardware is Hardware.NVIDIA]
    return _without_none(
        {
            "Binds": [_bind(mount) for mount in spec.volumes if _is_bind(mount)] or None,
            "Mounts": [_mount(mount) for mount in spec.volumes if mount.type != "copy" and not _is_bind(mount)] or None,
            "PortBindings": _port_bindings(spec.ports) or None,
            "Ulimits": [{"Name": name, "Soft": limit.soft, "Hard": limit.hard} for name, limit in spec.ulimits.items()]
            or None,
            "Devices": [_device(one) for one in (*spec.devices, *_amd_devices(gpus)) if not one.is_cdi] or None,
            "DeviceRequests": [*_cdi_request(spec.devices), *_nvidia_request(nvidia)] or None,
            "GroupAdd": list(dict.fromkeys([*spec.group_add, *amd_groups(gpus)])) or None,
            "NanoCpus": None if spec.cpus is None else round(spec.cpus * NANOSECONDS),
            "Memory": spec.mem_limit,
            "ShmSize": spec.shm_size,
            "Tmpfs": dict(_tmpfs(entry) for entry in spec.tmpfs) or None,
            "RestartPolicy": restart_policy(spec.restart) if spec.restart else None,
            "Init": spec.init,
            "ReadonlyRootfs": spec.read_only or None,
            "Runtime": spec.runtime,
            "IpcMode": spec.ipc,
            "PidMode": spec.pid,
            "CapAdd": list(spec.cap_add) or None,
            "CapDrop": list(spec.cap_drop) or None,
            **_security(spec.security_opt),
            "ExtraHosts": list(spec.extra_hosts) or None,
            "NetworkMode": networks[0][0] if networks else None,
        }
    )


def restart_policy(text: str) -> Body:
    """Reads Compose's `restart`: `no`, `always`, `unless-stopped`, `on-failure` or `on-failure:3`."""
    name, _, count = text.partition(":")
    return {"Name": name, "MaximumRetryCount": int(count)} if count else {"Name": name}


def update_body(limits: Limits) -> Body:
    """The body of ContainerUpdate: a memory limit brings swap of the same size, as it does at creation."""
    return _without_none(
        {
            "RestartPolicy": restart_policy(limits.restart) if limits.restart else None,
            "Memory": limits.mem_limit,
            "MemorySwap": 2 * limits.mem_limit if limits.mem_limit else None,
            "NanoCpus": round(limits.cpus * NANOSECONDS) if limits.cpus else None,
        }
    )


def _environment(spec: ServiceSpec) -> dict[str, str]:
    """Files in order, then the service's own, as Compose has it."""
    merged: dict[str, str] = {}
    for file in spec.env_file:
        merged |= file.values
    return merged | dict(spec.environment)


def _healthcheck(check: Healthcheck) -> Body:
    return _without_none(
        {
            "Test": list(check.test) or None,
            "Interval": _nanoseconds(check.interval_s),
            "Timeout": _nanoseconds(check.timeout_s),
            "StartPeriod": _nanoseconds(check.start_period_s),
            "StartInterval": _nanoseconds(check.start_interval_s),
            "Retries": check.retries,
        }
    )


def _nanoseconds(seconds: float | None) -> int | None:
    if seconds is None:
        return None
    whole = round(seconds * NANOSECONDS)
    return max(whole, LEAST_HEALTH_NS) if whole else 0


def _is_bind(mount: Mount) -> bool:
    """Only Binds relabel for SELinux and make a missing source folder; the API's Mounts refuse that before 1.42."""
    if mount.selinux:
        return True
    return mount.type == "bind" and mount.create_host_path and ":" not in f"{mount.source}{mount.target}"


def _bind(mount: Mount) -> str:
    options = ["ro" if mount.read_only else "rw", mount.selinux, mount.propagation, "nocopy" if mount.nocopy else None]
    return f"{mount.source}:{mount.target}:{','.join(filter(None, options))}"


def _mount(mount: Mount) -> Body:
    options: dict[str, Body] = {
        "bind": {"BindOptions": _bind_options(mount) or None},
        "volume": {"VolumeOptions": {"NoCopy": True} if mount.nocopy else None},
        "tmpfs": {"TmpfsOptions": _without_none({"SizeBytes": mount.tmpfs_bytes, "Mode": mount.tmpfs_mode}) or None},
    }
    return _without_none(
        {
            "Type": mount.type,
            "Source": mount.source,
            "Target": mount.target,
            "ReadOnly": mount.read_only or None,
            **options[mount.type],
        }
    )


def _bind_options(mount: Mount) -> Body:
    """CreateMountpoint is API 1.42; older engines pass over it and refuse a folder that is not there."""
    propagation = {"Propagation": mount.propagation} if mount.propagation else {}
    return propagation | ({"CreateMountpoint": True} if mount.create_host_path else {})


def _port_key(port: Port) -> str:
    return f"{port.target}/{port.protocol}"


def _port_bindings(ports: Sequence[Port]) -> dict[str, list[Body]]:
    bindings: dict[str, list[Body]] = {}
    for port in ports:
        published = "{}-{}".format(*port.choice) if port.choice else str(port.published or "")
        entry = {"HostIp": port.host_ip or "", "HostPort": published}
        bindings.setdefault(_port_key(port), []).append(entry)
    return bindings


def _device(device: Device) -> Body:
    return {
        "PathOnHost": device.source,
        "PathInContainer": device.target,
        "CgroupPermissions": device.permissions,
    }


def _amd_devices(cards: Sequence[Gpu]) -> list[Device]:
    return [Device(source=node, target=node) for node in amd_nodes(cards)]


def _nvidia_request(cards: Sequence[Gpu]) -> list[Body]:
    return [{"Driver": "", "DeviceIDs": [card.id for card in cards], "Capabilities": [["gpu"]]}] if cards else []


def _cdi_request(devices: Sequence[Device]) -> list[Body]:
    names = [device.source for device in devices if device.is_cdi]
    return [{"Driver": "cdi", "DeviceIDs": names}] if names else []


def _security(options: Sequence[str]) -> Body:
    """Unconfined system paths are empty lists for the engine: the option is the command line's own."""
    others = [option for option in options if option != OPEN_SYSTEM_PATHS]
    paths: Body = {"MaskedPaths": [], "ReadonlyPaths": []} if len(others) < len(options) else {}
    return {"SecurityOpt": others or None, **paths}


def _tmpfs(entry: str) -> tuple[str, str]:
    path, _, options = entry.partition(":")
    return path, options


def _networking(networks: Sequence[NetworkPlace]) -> Body | None:
    if not networks:
        return None
    name, aliases = networks[0]
    return {"EndpointsConfig": {name: {"Aliases": list(aliases)} if aliases else {}}}


def _without_none(body: Mapping[str, Any]) -> Body:
    return {key: value for key, value in body.items() if value is not None}
