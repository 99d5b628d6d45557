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
# Without a healthcheck a container has to run for three seconds before it counts as available.
_HARDLY_UP = ("Up Less than a second", "Up 1 second", "Up 2 seconds")


def status_of(container: ObservedContainer) -> Status:
    """How a container is, by its entry in the engine's list."""
    if container.state in _BY_STATE:
        return _BY_STATE[container.state]
    if "(unhealthy)" in container.status:
        return Status.FAILED
    is_starting = "(health: starting)" in container.status or container.status in _HARDLY_UP
    return Status.STARTING if is_starting else Status.AVAILABLE
