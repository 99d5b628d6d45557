import hashlib
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ozwald.errors import EngineError, Failure
from ozwald.remote import docker_context
from ozwald.remote.docker_context import local_socket


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of a machine without an engine in the default place."""
    monkeypatch.setattr(docker_context, "DEFAULT_SOCKET", str(tmp_path / "default.sock"))
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def listening() -> Iterator[list[socket.socket]]:
    opened: list[socket.socket] = []
    yield opened
    for one in opened:
        one.close()


def add_context(folder: Path, name: str, host: str) -> None:
    """What `docker context create NAME --docker host=HOST` writes."""
    place = folder / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    place.mkdir(parents=True)
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    (place / "meta.json").write_text(json.dumps({"Name": name, "Metadata": {}, "Endpoints": endpoints}))


def use(folder: Path, name: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"auths": {}, "currentContext": name}))


def serve(path: Path, listening: list[socket.socket]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listening.append(listener)
    return str(path)


def refused(environ: dict[str, str], home: Path) -> EngineError:
    with pytest.raises(EngineError) as error:
        local_socket("here", environ, home)
    assert error.value.failure is Failure.TERMINAL
    return error.value


def test_without_anything_the_default_place_is_meant(home: Path) -> None:
    assert local_socket("here", {}, home) == docker_context.DEFAULT_SOCKET


def test_the_first_that_is_named_counts(home: Path) -> None:
    docker = home / ".docker"
    for name in ("colima", "lab"):
        add_context(docker, name, f"unix:///run/{name}.sock")
    use(docker, "lab")

    assert local_socket("here", {}, home) == "/run/lab.sock"
    assert local_socket("here", {"DOCKER_CONTEXT": "colima"}, home) == "/run/colima.sock"
    both = {"DOCKER_CONTEXT": "colima", "DOCKER_HOST": "unix:///run/mine.sock"}
    assert local_socket("here", both, home) == "/run/mine.sock"
    assert local_socket("here", {"DOCKER_CONTEXT": "default"}, home) == docker_context.DEFAULT_SOCKET
    assert local_socket("here", {"DOCKER_HOST": ""}, home) == "/run/lab.sock"


def test_docker_config_moves_the_contexts(home: Path, tmp_path: Path) -> None:
    add_context(tmp_path / "other", "lab", "unix:///run/lab.sock")
    use(tmp_path / "other", "lab")

    assert local_socket("here", {"DOCKER_CONFIG": str(tmp_path / "other")}, home) == "/run/lab.sock"


@pytest.mark.parametrize("endpoint", ["ssh://ada@gpu1", "tcp://10.0.0.1:2376", "npipe:////./pipe/docker_engine", ""])
def test_an_engine_elsewhere_is_a_host_of_its_own(home: Path, endpoint: str) -> None:
    add_context(home / ".docker", "far", endpoint)
    error = refused({"DOCKER_CONTEXT": "far"}, home)

    assert f"DOCKER_CONTEXT far leads to {endpoint or 'nowhere'}" in error.message
    assert "put that machine into the inventory" in error.message
    if endpoint:
        assert endpoint in refused({"DOCKER_HOST": endpoint}, home).message


def test_a_context_that_is_not_there_is_named_with_the_known_ones(home: Path) -> None:
    add_context(home / ".docker", "colima", "unix:///run/colima.sock")
    use(home / ".docker", "desktop")

    assert "the current Docker context desktop is not there (known: colima)" in refused({}, home).message
    assert "known: colima" in refused({"DOCKER_CONTEXT": "x/../y"}, home).message


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"Endpoints": {}}', '{"Endpoints": null}', '{"Endpoints": {"docker": 3}}', ""]
)
def test_a_broken_context_is_named_by_its_file(home: Path, text: str) -> None:
    add_context(home / ".docker", "odd", "unix:///run/odd.sock")
    (file,) = home.glob(".docker/contexts/meta/*/meta.json")
    file.write_text(text)

    assert str(file) in refused({"DOCKER_CONTEXT": "odd"}, home).message


def test_a_broken_config_is_named(home: Path) -> None:
    (home / ".docker").mkdir()
    (home / ".docker" / "config.json").write_text("{,}")

    assert "config.json cannot be read" in refused({}, home).message
    (home / ".docker" / "config.json").write_text("[1]")
    assert local_socket("here", {}, home) == docker_context.DEFAULT_SOCKET


@pytest.mark.parametrize(
    "place",
    [
        "home/.docker/run/docker.sock",
        "home/.docker/desktop/docker.sock",
        "home/.colima/default/docker.sock",
        "home/.orbstack/run/docker.sock",
        "home/.rd/docker.sock",
        "run/docker.sock",
        "run/podman/podman.sock",
    ],
)
def test_the_usual_other_places_are_looked_into(
    home: Path, tmp_path: Path, place: str, listening: list[socket.socket]
) -> None:
    other = serve(tmp_path / place, listening)
    environ = {"XDG_RUNTIME_DIR": str(tmp_path / "run")}

    assert local_socket("here", environ, home) == other
    default = serve(tmp_path / "default.sock", listening)
    assert local_socket("here", environ, home) == default


def test_rootless_docker_comes_before_podman(home: Path, tmp_path: Path, listening: list[socket.socket]) -> None:
    serve(tmp_path / "run/podman/podman.sock", listening)
    rootless = serve(tmp_path / "run/docker.sock", listening)

    assert local_socket("here", {"XDG_RUNTIME_DIR": str(tmp_path / "run")}, home) == rootless


def test_a_socket_that_is_gone_is_not_chosen(home: Path) -> None:
    left = home / ".docker" / "run" / "docker.sock"
    left.parent.mkdir(parents=True)
    left.write_text("")

    assert local_socket("here", {}, home) == docker_context.DEFAULT_SOCKET


@pytest.mark.lab
def test_what_docker_itself_wrote_is_understood(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / ".docker"
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    for words in (["create", "lab", "--docker", "host=unix:///run/lab.sock"], ["use", "lab"]):
        subprocess.run(["docker", "context", *words], check=True, capture_output=True)

    assert local_socket("here", {}, home) == "/run/lab.sock"
