"""Images from scratch are the same each time and hold what services in tests need."""

import io
import json
import tarfile
from pathlib import Path

from tests.lab.images import busybox_image


def test_equal_input_gives_equal_bytes(tmp_path: Path) -> None:
    first = busybox_image(tmp_path, "lab/one:1", labels={"a": "b"}).read_bytes()
    assert busybox_image(tmp_path, "lab/one:1", labels={"a": "b"}).read_bytes() == first


def test_an_image_holds_the_applets_and_its_configuration(tmp_path: Path) -> None:
    path = busybox_image(tmp_path, "lab/one:1", cmd=["sh"], environment={"A": "1"}, files={"/run.sh": b"#!/bin/sh\n"})
    with tarfile.open(path) as tar:
        manifest = json.loads(read(tar, "manifest.json"))[0]
        config = json.loads(read(tar, manifest["Config"]))["config"]
        layer = io.BytesIO(read(tar, "layer.tar"))
    with tarfile.open(fileobj=layer) as tar:
        names = set(tar.getnames())
    assert manifest["RepoTags"] == ["lab/one:1"]
    assert (config["Cmd"], config["Env"]) == (["sh"], ["PATH=/bin", "A=1"])
    assert {f"bin/{name}" for name in ("sh", "sleep", "env", "cat", "nc", "httpd", "wget", "od")} <= names
    assert {"run.sh", "tmp", "etc/passwd"} <= names


def read(tar: tarfile.TarFile, name: str) -> bytes:
    file = tar.extractfile(name)
    assert file
    return file.read()
