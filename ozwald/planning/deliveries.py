"""Turns mounts of the controller's own data into what a host can have: volumes named by content, and copied files."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import PurePosixPath

from ozwald.errors import RequestError
from ozwald.model.data import Content, Delivery, data_volume
from ozwald.model.host import Connection, Host
from ozwald.model.service import Mount, ServiceSpec


def with_data(
    spec: ServiceSpec, host: Host, content_of: Callable[[str], Content]
) -> tuple[ServiceSpec, tuple[Delivery, ...]]:
    """The specification as the host sees it, and what has to be brought there; the controller's own host has it all.

    The content becomes part of the specification, its place on the controller does not: a changed file makes a new
    container necessary, a moved folder does not.

    Raises:
        RequestError: a source cannot be read, or a file cannot be put where it belongs.
    """
    if host.connection is Connection.LOCAL:
        return spec, ()
    deliveries = {
        mount.target: _delivery(mount, spec, content_of(mount.source or ""))
        for mount in spec.volumes
        if mount.on_controller
    }
    volumes = tuple(
        _arrived(mount, deliveries[mount.target]) if mount.on_controller else mount for mount in spec.volumes
    )
    return replace(spec, volumes=volumes), tuple(deliveries.values())


def _delivery(mount: Mount, spec: ServiceSpec, content: Content) -> Delivery:
    if content.is_file:
        _check_place(mount, spec)
        volume = None
    else:
        volume = data_volume(spec.realm, content.digest, None if mount.read_only else spec.instance)
    return Delivery(source=mount.source or "", target=mount.target, content=content, volume=volume)


def _arrived(mount: Mount, delivery: Delivery) -> Mount:
    if delivery.volume is None:
        return Mount(type="copy", source=delivery.content.digest, target=mount.target)
    return Mount(
        type="volume",
        source=delivery.volume,
        target=mount.target,
        read_only=mount.read_only,
        nocopy=True,
        selinux=mount.selinux,
    )


def _check_place(file: Mount, spec: ServiceSpec) -> None:
    """A file becomes part of the container itself, so nothing else may be mounted over its place."""
    advice = "give it a folder of its own on the controller and mount that"
    if spec.read_only:
        raise RequestError(f"{file.source} is a single file, which cannot be put into a read_only container; {advice}")
    mounted = [mount.target for mount in spec.volumes if mount != file]
    mounted += [entry.partition(":")[0] for entry in spec.tmpfs]
    for target in mounted:
        if PurePosixPath(target) in (PurePosixPath(file.target), *PurePosixPath(file.target).parents):
            raise RequestError(
                f"{file.source} is a single file, which cannot be put into what is mounted at {target}; {advice}"
            )
