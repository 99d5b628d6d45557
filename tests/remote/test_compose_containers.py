"""The engine is asked for the container that Docker Compose asks for."""

import json
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ozwald.model.service import ServiceSpec
from ozwald.remote.container_config import container_config
from tests.config.compose import (
    DIFFERENCES,
    ENVIRON,
    accepted_files,
    compose,
    compose_file,
    prepared,
    resolved_by_ozwald,
)
from tests.remote.compose_engine import Body, recording

PROFILE = "services:\n  profile: {image: app, security_opt: [seccomp=deny.json, 'apparmor:unconfined']}\n"
# Networks are compared as settings; the rest says how Compose itself watches the container.
LEFT_OUT = {"NetworkMode", "NetworkingConfig", "AttachStdout", "AttachStderr", "ConsoleSize", "HostConfig"}
# Where nothing is not the same as leaving it out.
MAY_BE_EMPTY = {"Cmd", "Entrypoint", "Init", "StopTimeout", "MaskedPaths", "ReadonlyPaths", "Soft", "Hard"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return prepared(tmp_path_factory.mktemp("compose"))


@pytest.mark.parametrize("file", [file for file in accepted_files() if file != DIFFERENCES], ids=lambda file: file.stem)
def test_a_container_is_the_one_that_compose_makes(file: Path, folder: Path) -> None:
    assert unlike(file.read_text(), folder) == {}


def test_a_seccomp_profile_reaches_the_engine_as_from_compose(folder: Path) -> None:
    assert unlike(PROFILE, folder) == {}


def unlike(services: str, folder: Path) -> dict[str, Any]:
    """Each part in which the bodies of containers differ: Ozwald's and Compose's."""
    theirs = {name: form(body) for name, body in made_by_compose(services, folder).items()}
    ours = {name: form(made_by_ozwald(spec)) for name, spec in resolved_by_ozwald(services, folder).items()}
    assert ours.keys() == theirs.keys()
    return {
        f"{name}.{part}": (body.get(part), theirs[name].get(part))
        for name, body in ours.items()
        for part in body.keys() | theirs[name].keys()
        if body.get(part) != theirs[name].get(part)
    }


def made_by_compose(services: str, folder: Path) -> dict[str, Body]:
    socket = folder / "engine.sock"
    socket.unlink(missing_ok=True)
    with recording(socket) as created:
        file = compose_file(services, folder)
        compose("-f", file.name, "create", folder=folder, environ=ENVIRON | {"DOCKER_HOST": f"unix://{socket}"})
    return {name.removeprefix("corpus-").removesuffix("-1"): body for name, body in created.items()}


def made_by_ozwald(spec: ServiceSpec) -> Body:
    body: Body = json.loads(json.dumps(container_config(spec)))
    return body


def form(body: Body) -> Body:
    """One form of a container's body, without what says nothing."""
    host = body["HostConfig"]
    mounts = [*map(_bind, host.pop("Binds", None) or ()), *map(_mount, host.pop("Mounts", None) or ())]
    if not host["RestartPolicy"]["Name"]:
        host["RestartPolicy"]["Name"] = "unless-stopped"
    parts = {key: value for key, value in {**body, **host}.items() if key not in LEFT_OUT}
    parts |= {
        "Mounts": sorted(mounts, key=str),
        "Env": sorted(entry for entry in body["Env"] or () if "=" in entry),
        "Labels": {key: value for key, value in body["Labels"].items() if not key.startswith("com.docker.compose.")},
        "CapAdd": _capabilities(host.get("CapAdd")),
        "CapDrop": _capabilities(host.get("CapDrop")),
        "Ulimits": sorted(host.get("Ulimits") or (), key=str),
        "ExtraHosts": sorted(host.get("ExtraHosts") or ()),
    }
    found: Body = _without_empty(parts)
    return found


def _bind(bind: str) -> Body:
    source, target, *options = bind.split(":")
    modes = set(options[0].split(",") if options else ())
    return {
        "Type": "bind" if source.startswith("/") else "volume",
        "Source": posixpath.normpath(source).removeprefix("corpus_"),
        "Target": target,
        "ReadOnly": "ro" in modes,
        "Made": source.startswith("/"),
        "Modes": sorted(modes - {"ro", "rw"}),
    }


def _mount(mount: Mapping[str, Any]) -> Body:
    bind, volume = mount.get("BindOptions") or {}, mount.get("VolumeOptions") or {}
    return {
        "Type": mount["Type"],
        "Source": mount.get("Source", "").removeprefix("corpus_"),
        "Target": mount["Target"],
        "ReadOnly": mount.get("ReadOnly", False),
        "Made": bind.get("CreateMountpoint", False),
        "Modes": sorted(
            [*([bind["Propagation"]] if "Propagation" in bind else ()), *["nocopy"] * bool(volume.get("NoCopy"))]
        ),
        "Tmpfs": mount.get("TmpfsOptions"),
    }


def _capabilities(names: list[str] | None) -> list[str]:
    """Compose writes them as the engine reads them in the end."""
    return sorted(name.upper().removeprefix("CAP_") for name in names or ())


def _without_empty(part: Any) -> Any:
    if isinstance(part, list):
        return [_without_empty(item) for item in part]
    if not isinstance(part, dict):
        return part
    parts = {key: _without_empty(value) for key, value in part.items()}
    return {key: value for key, value in parts.items() if value or (value is not None and key in MAY_BE_EMPTY)}
