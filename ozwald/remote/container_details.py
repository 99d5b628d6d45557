"""Pure: what the engine says of a container and its image, as planning writes settings down."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from ozwald.model import container as labels
from ozwald.model.container import ContainerDetails
from ozwald.model.data import LABEL_FILES, read_copied_files
from ozwald.model.service import Healthcheck, Mount, Port
from ozwald.planning import settled

NANOSECONDS: Final = 1_000_000_000
OURS: Final = "ozwald."
# API versions before this one do not keep a healthcheck's start interval.
START_INTERVAL_API: Final = (1, 44)

Body = Mapping[str, Any]


def details(entry: Body, image: Body | None, *, api: tuple[int, ...]) -> ContainerDetails:
    """Reads `GET /containers/{id}/json` and `GET /images/{id}/json` of its image, None when that is gone.

    `api` is the version spoken.
    """
    return ContainerDetails(
        id=str(entry["Id"]),
        settings=_settings(entry),
        from_image=None if image is None else _from_config(image.get("Config") or {}),
        untold=frozenset() if api >= START_INTERVAL_API else frozenset({"healthcheck.start_interval"}),
        image_digests=tuple(str(name).rpartition("@")[2] for name in (image or {}).get("RepoDigests") or ()),
    )


def _settings(entry: Body) -> dict[str, Any]:
    config, host = entry["Config"], entry["HostConfig"]
    own = config.get("Labels") or {}
    found = {
        "service": own.get(labels.LABEL_SERVICE, ""),
        "variety": own.get(labels.LABEL_VARIETY, ""),
        "profile": own.get(labels.LABEL_PROFILE, ""),
        "image": settled.image_reference(str(config.get("Image") or "")),
        "gpus": sorted(filter(None, own.get(labels.LABEL_GPUS, "").split(","))),
        **_from_config(config),
        **_from_host_config(host),
        **settled.keyed("networks", _networks(entry)),
        **settled.keyed("volumes", _copied(own.get(LABEL_FILES, ""))),
    }
    return {key: value for key, value in found.items() if value is not None}


def _from_config(config: Body) -> dict[str, Any]:
    """What a container and an image both have."""
    environment = dict(variable.partition("=")[::2] for variable in config.get("Env") or ())
    own = {key: value for key, value in (config.get("Labels") or {}).items() if not key.startswith(OURS)}
    found = {
        "command": config.get("Cmd"),
        "entrypoint": config.get("Entrypoint"),
        "user": config.get("User") or None,
        "working_dir": config.get("WorkingDir") or None,
        **settled.keyed("environment", environment),
        **settled.keyed("labels", own),
        **settled.keyed("healthcheck", _healthcheck(config.get("Healthcheck") or {})),
    }
    return {key: value for key, value in found.items() if value is not None}


def _from_host_config(host: Body) -> dict[str, Any]:
    return {
        "restart": _restart(host.get("RestartPolicy") or {}),
        "mem_limit": host.get("Memory") or None,
        "cpus": (host.get("NanoCpus") or 0) / NANOSECONDS or None,
        "shm_size": host.get("ShmSize") or None,
        "ipc": host.get("IpcMode") or None,
        "pid": host.get("PidMode") or None,
        "runtime": host.get("Runtime") or None,
        "init": host.get("Init"),
        "read_only": host.get("ReadonlyRootfs") or None,
        "cap_add": settled.capabilities(host.get("CapAdd") or ()),
        "cap_drop": settled.capabilities(host.get("CapDrop") or ()),
        "security_opt": settled.security_options(_security(host), ipc=host.get("IpcMode"), pid=host.get("PidMode")),
        "group_add": sorted(host.get("GroupAdd") or ()),
        "extra_hosts": sorted(host.get("ExtraHosts") or ()),
        **settled.keyed("ulimits", {one["Name"]: [one["Soft"], one["Hard"]] for one in host.get("Ulimits") or ()}),
        **settled.keyed("devices", _devices(host)),
        **settled.keyed("volumes", {mount.target: settled.volume(mount) for mount in _mounts(host)}),
        **settled.keyed(
            "tmpfs", dict(settled.tmpfs(f"{path}:{text}") for path, text in (host.get("Tmpfs") or {}).items())
        ),
        **settled.keyed("ports", settled.ports(_ports(host.get("PortBindings") or {}))),
    }


def _healthcheck(check: Body) -> dict[str, Any]:
    return settled.healthcheck(
        Healthcheck(
            test=tuple(check.get("Test") or ()),
            interval_s=_seconds(check.get("Interval")),
            timeout_s=_seconds(check.get("Timeout")),
            start_period_s=_seconds(check.get("StartPeriod")),
            start_interval_s=_seconds(check.get("StartInterval")),
            retries=check.get("Retries") or None,
        )
    )


def _seconds(nanoseconds: int | None) -> float | None:
    return nanoseconds / NANOSECONDS if nanoseconds else None


def _restart(policy: Body) -> str | None:
    return settled.restart(f"{policy.get('Name') or 'no'}:{policy.get('MaximumRetryCount') or 0}")


def _security(host: Body) -> Iterable[str]:
    """Paths of the system that are open are two empty lists for the engine."""
    paths = host.get("MaskedPaths"), host.get("ReadonlyPaths")
    return [*(host.get("SecurityOpt") or ()), *(["systempaths=unconfined"] if paths == ([], []) else [])]


def _devices(host: Body) -> dict[str, str]:
    nodes = {
        one["PathInContainer"]: f"{one['PathOnHost']} {one['CgroupPermissions']}" for one in host.get("Devices") or ()
    }
    requests = [one for one in host.get("DeviceRequests") or () if one.get("Driver") == "cdi"]
    return nodes | {name: name for request in requests for name in request.get("DeviceIDs") or ()}


def _mounts(host: Body) -> Iterable[Mount]:
    return [*map(_bind, host.get("Binds") or ()), *map(_mount, host.get("Mounts") or ())]


def _copied(label: str) -> dict[str, str]:
    mounts = (Mount(type="copy", source=digest, target=target) for target, digest in read_copied_files(label).items())
    return {mount.target: settled.volume(mount) for mount in mounts}


def _bind(text: str) -> Mount:
    source, target, *options = text.split(":")
    modes = set(options[0].split(",")) if options else set()
    return Mount(
        type="bind" if source.startswith("/") else "volume",
        source=source,
        target=target,
        read_only="ro" in modes,
        propagation=next((mode for mode in modes if mode.endswith(("shared", "slave", "private"))), None),
        selinux=next((mode for mode in modes if mode in ("z", "Z")), None),
        nocopy="nocopy" in modes,
    )


def _mount(entry: Body) -> Mount:
    bind, volume = entry.get("BindOptions") or {}, entry.get("VolumeOptions") or {}
    tmpfs = entry.get("TmpfsOptions") or {}
    return Mount(
        type=entry["Type"],
        source=entry.get("Source") or None,
        target=entry["Target"],
        read_only=bool(entry.get("ReadOnly")),
        propagation=bind.get("Propagation") or None,
        nocopy=bool(volume.get("NoCopy")),
        tmpfs_bytes=tmpfs.get("SizeBytes"),
        tmpfs_mode=tmpfs.get("Mode"),
    )


def _ports(bindings: Mapping[str, Sequence[Body] | None]) -> Iterable[Port]:
    for key, places in bindings.items():
        target, _, protocol = key.partition("/")
        for place in places or [{}]:
            first, dash, last = str(place.get("HostPort") or "").partition("-")
            yield Port(
                target=int(target),
                protocol=protocol,
                host_ip=place.get("HostIp") or None,
                published=int(first) if first and not dash else None,
                choice=(int(first), int(last)) if dash else None,
            )


def _networks(entry: Body) -> dict[str, list[str]]:
    """The aliases on each network; the engine adds the container's own short id."""
    places = (entry.get("NetworkSettings") or {}).get("Networks") or {}
    own = {str(entry["Id"])[:12]}
    return {name: sorted(set((place or {}).get("Aliases") or ()) - own) for name, place in places.items()}
