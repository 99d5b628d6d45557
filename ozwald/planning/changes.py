"""Compares a container that is there with the one that would be made now, setting by setting."""

from typing import Any, Final

from ozwald.model.container import ContainerDetails
from ozwald.model.plan import Change
from ozwald.planning.settled import IN_PLACE, Settled

# What the engine does where neither the settings nor the image say anything.
DEFAULTS: Final[Settled] = {
    "healthcheck.interval": 30.0,
    "healthcheck.timeout": 30.0,
    "healthcheck.start_interval": 5.0,
    "healthcheck.retries": 3,
    "restart": "no",
    "shm_size": 64 * 1024**2,
    "ipc": "private",
    "runtime": "runc",
}
# Where the empty text is a value like any other.
_TEXTS: Final = ("environment.", "labels.", "tmpfs.")


def changes(wanted: Settled, details: ContainerDetails) -> tuple[Change, ...]:
    """What a new container of these settings would have otherwise, in the order of the settings' names."""
    expected = {**DEFAULTS, **_from_image(wanted, details), **wanted}
    found = {**DEFAULTS, **details.settings}
    return tuple(
        Change(path=path, old=found.get(path), new=expected.get(path))
        for path in sorted(expected.keys() | found.keys())
        if path not in details.untold and not _same(path, found.get(path), expected.get(path))
    )


def in_place(change: Change) -> bool:
    """Whether the engine can change it without a new container; a limit it cannot take away."""
    return change.path in IN_PLACE and change.new is not None


def _from_image(wanted: Settled, details: ContainerDetails) -> Settled:
    """What the image adds, which is anything when it is gone; an entrypoint takes the image's command away."""
    added = details.settings if details.from_image is None else details.from_image
    return {key: value for key, value in added.items() if key != "command" or not wanted.get("entrypoint")}


def _same(path: str, old: Any, new: Any) -> bool:
    return old == new or (not old and not new and not path.startswith(_TEXTS))
