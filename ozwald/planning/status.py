"""Reads from the engine's list how a container is."""

from typing import Final

from ozwald.model.active import Status
from ozwald.model.container import ObservedContainer

MOST_HEALTH_CHARACTERS: Final = 200

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
    if container.is_unhealthy:
        return Status.FAILED
    is_starting = "(health: starting)" in container.status or container.status in _HARDLY_UP
    return Status.STARTING if is_starting else Status.AVAILABLE


def unhealthy(output: str) -> str:
    """Says that a healthcheck fails, in one line with what it printed."""
    words = " ".join(output.split())
    if len(words) > MOST_HEALTH_CHARACTERS:
        words = words[:MOST_HEALTH_CHARACTERS] + "…"
    return f"its healthcheck says unhealthy: {words}" if words else "its healthcheck says unhealthy"
