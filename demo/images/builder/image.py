"""Writes an image as `docker load` reads it (image format 1.2): the same content gives the same image id."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from builder.errors import BuildError
from builder.rootfs import Entry, File, Folder, Link, Rootfs

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
EPOCH = "1970-01-01T00:00:00Z"
MANIFEST = "manifest.json"
PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """What `docker load` needs to know besides the files."""

    reference: str
    title: str
    entrypoint: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    port: int = 8080


def architecture(machine: str) -> str:
    """Docker's name for a machine as `uname -m` has it. Raises BuildError for one without a wheel."""
    try:
        return ARCHITECTURES[machine]
    except KeyError:
        known = ", ".join(ARCHITECTURES)
        raise BuildError(f"there is no llama.cpp wheel for {machine}: build on one of {known}") from None


def write_image(path: Path, image: Image, rootfs: Rootfs) -> None:
    """Writes the image to `path`, which is whole or absent at any time."""
    layer = path.with_name(f"{path.name}.layer.partial")
    whole = path.with_name(f"{path.name}.partial")
    with layer.open("w+b") as layer_file:
        write_layer(layer_file, rootfs.entries)
        with whole.open("wb") as file:
            write_archive(file, image, layer_file)
    layer.unlink()
    whole.replace(path)


def write_layer(file: BinaryIO, entries: dict[str, Entry]) -> None:
    """Writes the entries sorted, owned by root, dated 1970."""
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, entry in sorted(entries.items()):
            header = tarfile.TarInfo(path)
            match entry:
                case File(content=content, mode=mode):
                    header.mode, header.size = mode, len(content)
                    tar.addfile(header, io.BytesIO(content))
                case Link(target=target):
                    header.type, header.mode, header.linkname = tarfile.SYMTYPE, 0o777, target
                    tar.addfile(header)
                case Folder(mode=mode):
                    header.type, header.mode = tarfile.DIRTYPE, mode
                    tar.addfile(header)


def write_archive(file: BinaryIO, image: Image, layer: io.BufferedRandom) -> None:
    """Writes the manifest first, so that an image's id is read without reading its layer."""
    size = layer.seek(0, io.SEEK_END)
    layer.seek(0)
    layer_digest = hashlib.file_digest(layer, "sha256").hexdigest()
    layer.seek(0)
    config = as_json(image_config(image, layer_digest))
    config_name = f"{hashlib.sha256(config).hexdigest()}.json"
    layer_name = f"{layer_digest}/layer.tar"
    manifest = as_json([{"Config": config_name, "RepoTags": [image.reference], "Layers": [layer_name]}])
    folder = tarfile.TarInfo(layer_digest)
    folder.type, folder.mode = tarfile.DIRTYPE, 0o755
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in ((MANIFEST, manifest), (config_name, config)):
            add_member(tar, name, len(content), io.BytesIO(content))
        tar.addfile(folder)
        add_member(tar, layer_name, size, layer)


def add_member(tar: tarfile.TarFile, name: str, size: int, content: BinaryIO) -> None:
    header = tarfile.TarInfo(name)
    header.size = size
    tar.addfile(header, content)


def image_config(image: Image, layer_digest: str) -> dict[str, Any]:
    environment = {"PATH": PATH, **image.environment}
    return {
        "architecture": architecture(platform.machine()),
        "os": "linux",
        "created": EPOCH,
        "config": {
            "Entrypoint": image.entrypoint,
            "Env": [f"{name}={value}" for name, value in environment.items()],
            "ExposedPorts": {f"{image.port}/tcp": {}},
            "Labels": {"org.opencontainers.image.title": image.title},
            "WorkingDir": "/",
        },
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        "history": [{"created": EPOCH, "created_by": image.title}],
    }


def as_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def image_id(path: Path) -> str:
    """The id that `docker load` will give the image in a file that write_image wrote."""
    with tarfile.open(path, mode="r:") as tar:
        member = tar.extractfile(MANIFEST)
        assert member is not None
        manifest = json.load(member)
    return "sha256:" + str(manifest[0]["Config"]).removesuffix(".json")
