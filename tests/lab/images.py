"""Builds small images from scratch, as tarballs for `docker load`; equal input, equal image id."""

import hashlib
import io
import json
import platform
import shutil
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.lab.errors import LabError

BUSYBOX = Path("/bin/busybox")
CREATED = "2024-01-01T00:00:00Z"
WAIT = ("sh", "-c", "trap 'exit 0' TERM; while :; do sleep 3600 & wait; done")


def busybox_image(
    directory: Path,
    tag: str,
    *,
    entrypoint: Sequence[str] = (),
    cmd: Sequence[str] = WAIT,
    labels: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    ports: Sequence[str] = (),
    checked_every_s: float | None = None,
) -> Path:
    """Writes an image with every busybox applet in /bin and returns the tarball's path.

    By default it waits and ends at once on SIGTERM. `files` are absolute paths with content, made executable;
    `ports` are `8080/tcp`. With `checked_every_s` it has a healthcheck that always succeeds.
    """
    contents = {
        "/etc/passwd": b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n",
        "/etc/group": b"root:x:0:\nnobody:x:65534:\n",
        **(files or {}),
    }
    config: dict[str, object] = {
        "Entrypoint": list(entrypoint) or None,
        "Cmd": list(cmd) or None,
        "Env": ["PATH=/bin", *(f"{key}={value}" for key, value in (environment or {}).items())],
        "Labels": dict(labels or {}),
        "ExposedPorts": {port: {} for port in ports} or None,
        "WorkingDir": "/",
        "Healthcheck": _healthcheck(checked_every_s),
    }
    target = directory / (tag.replace("/", "_").replace(":", "_") + ".tar")
    target.write_bytes(image(tag, _root(contents), config))
    return target


def _healthcheck(every_s: float | None) -> dict[str, object] | None:
    return None if every_s is None else {"Test": ["CMD", "true"], "Interval": int(every_s * 1e9), "Retries": 1}


def image(tag: str, layer: bytes, config: Mapping[str, object]) -> bytes:
    """A docker-archive with one layer."""
    diff_id = "sha256:" + hashlib.sha256(layer).hexdigest()
    description = {
        "architecture": machine_architecture(),
        "os": "linux",
        "created": CREATED,
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [diff_id]},
        "history": [{"created": CREATED, "created_by": "tests.lab"}],
    }
    text = json.dumps(description, sort_keys=True).encode()
    name = hashlib.sha256(text).hexdigest() + ".json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": ["layer.tar"]}]
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        _add_file(tar, "manifest.json", json.dumps(manifest).encode(), mode=0o644)
        _add_file(tar, name, text, mode=0o644)
        _add_file(tar, "layer.tar", layer, mode=0o644)
    return archive.getvalue()


def _root(files: Mapping[str, bytes]) -> bytes:
    busybox = _static_busybox()
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for folder in ("bin", "etc", "proc", "sys", "tmp"):
            _add(tar, folder, tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755)
        _add_file(tar, "bin/busybox", busybox.read_bytes(), mode=0o755)
        for applet in _applets(busybox):
            _add(tar, f"bin/{applet}", tarfile.SYMTYPE, 0o777, link="busybox")
        for path, content in sorted(files.items()):
            _add_file(tar, path.lstrip("/"), content, mode=0o755)
    return layer.getvalue()


def _static_busybox() -> Path:
    path = BUSYBOX if BUSYBOX.exists() else Path(shutil.which("busybox") or "/missing")
    if not path.exists():
        raise LabError("no busybox for the test image; on Debian: apt-get install busybox-static")
    return path


def _applets(busybox: Path) -> list[str]:
    listed = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    return sorted(set(listed) - {"busybox"})


def machine_architecture() -> str:
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    return names.get(platform.machine(), platform.machine())


def _add_file(tar: tarfile.TarFile, name: str, content: bytes, *, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def _add(tar: tarfile.TarFile, name: str, kind: bytes, mode: int, *, link: str = "") -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode, entry.linkname = kind, mode, link
    tar.addfile(entry)
