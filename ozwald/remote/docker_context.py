"""Which Docker Engine of this machine is meant: as the docker command decides it, with the usual other places."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ozwald.errors import EngineError, Failure

DEFAULT_CONTEXT: Final = "default"
DEFAULT_SOCKET: Final = "/var/run/docker.sock"
SCHEME: Final = "unix://"
IN_HOME: Final = (
    ".docker/run/docker.sock",  # Docker Desktop on macOS
    ".docker/desktop/docker.sock",  # and on Linux
    ".colima/default/docker.sock",
    ".orbstack/run/docker.sock",
    ".rd/docker.sock",  # Rancher Desktop
)


def local_socket(host_name: str, environ: Mapping[str, str], home: Path) -> str:
    """The socket that `docker` on this machine would use; raises EngineError where it would go elsewhere.

    DOCKER_HOST, DOCKER_CONTEXT and the current context count in this order. Without any of them, and without an
    engine in the default place, rootless Docker, Docker Desktop, colima, OrbStack, Rancher Desktop and Podman are
    looked for.
    """
    if named := environ.get("DOCKER_HOST"):
        return _path(host_name, named, "DOCKER_HOST")
    folder = Path(environ.get("DOCKER_CONFIG") or home / ".docker")
    context, origin = _chosen(host_name, environ, folder)
    if context != DEFAULT_CONTEXT:
        return _path(host_name, _endpoint(host_name, folder, context, origin), f"{origin} {context}")
    return next((place for place in _usual(environ, home) if Path(place).is_socket()), DEFAULT_SOCKET)


def _chosen(host_name: str, environ: Mapping[str, str], folder: Path) -> tuple[str, str]:
    """The context's name, and what names it."""
    if named := environ.get("DOCKER_CONTEXT"):
        return named, "DOCKER_CONTEXT"
    file = folder / "config.json"
    current = _read(host_name, file).get("currentContext") if file.exists() else None
    return str(current or DEFAULT_CONTEXT), "the current Docker context"


def _endpoint(host_name: str, folder: Path, context: str, origin: str) -> str:
    file = folder / "contexts" / "meta" / hashlib.sha256(context.encode()).hexdigest() / "meta.json"
    if not file.exists():
        known = ", ".join(sorted(_known(folder))) or "none but default"
        raise _refused(host_name, f"{origin} {context} is not there (known: {known}): see `docker context ls`")
    try:
        return str(_read(host_name, file)["Endpoints"]["docker"]["Host"])
    except (KeyError, TypeError) as err:
        raise _refused(host_name, f"{file} names no endpoint of Docker: make the context again") from err


def _known(folder: Path) -> Iterator[str]:
    for file in folder.glob("contexts/meta/*/meta.json"):
        try:
            yield str(json.loads(file.read_bytes())["Name"])
        except (OSError, ValueError, KeyError, TypeError):
            continue


def _read(host_name: str, file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (OSError, ValueError) as err:
        raise _refused(host_name, f"{file} cannot be read ({err}): correct it, or set docker_socket") from err
    return content if isinstance(content, dict) else {}


def _path(host_name: str, endpoint: str, origin: str) -> str:
    if not endpoint.startswith(SCHEME):
        message = (
            f"{origin} leads to {endpoint or 'nowhere'}, and here only unix:// sockets of this machine are used: put "
            "that machine into the inventory as a host of its own, or set docker_socket"
        )
        raise _refused(host_name, message)
    return endpoint.removeprefix(SCHEME) or DEFAULT_SOCKET


def _usual(environ: Mapping[str, str], home: Path) -> Iterator[str]:
    runtime = environ.get("XDG_RUNTIME_DIR")
    yield DEFAULT_SOCKET
    if runtime:
        yield f"{runtime}/docker.sock"
    yield from (str(home / place) for place in IN_HOME)
    if runtime:
        yield f"{runtime}/podman/podman.sock"
    yield "/run/podman/podman.sock"


def _refused(host_name: str, message: str) -> EngineError:
    return EngineError(host_name, message, failure=Failure.TERMINAL)
