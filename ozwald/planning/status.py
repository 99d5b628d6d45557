"""Reads from the engine's list how a container is."""

from ozwald.model.active import Status
from ozwald.model.container import ObservedContainer

_BY_STATE = {
    "created": Status.STARTING,
    "restarting": Status.FAILED,
    "paused": Status.FAILED,
    "exited": Status.FAILED,
    "dead": Status.FAILED,
    "removing": Status.STOPPING,
}


def status_of(container: ObservedContainer) -> Status:
    """How a container is, by its entry in the engine's list."""
    if container.state in _BY_STATE:
        return _BY_STATE[container.state]
    if "(unhealthy)" in container.status:
        return Status.FAILED
    return Status.STARTING if "(health: starting)" in container.status else Status.AVAILABLE
