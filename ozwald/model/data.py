"""The controller's own data: what a source of it holds, and how it arrives on a host."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

LABEL_DATA = "ozwald.data"
LABEL_BYTES = "ozwald.bytes"
LABEL_FILES = "ozwald.files"

_VOLUME, _LOCK, _FILLER = "ozdata--", "ozlock--", "ozfill--"


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a file or folder holds: `digest` is a SHA-256 in hex over its paths, kinds, modes and contents."""

    digest: str
    size_bytes: int
    is_file: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Data that one container gets: from `source` on the controller to `target` in the container.

    A folder arrives in the named `volume`; a single file has none and is put into the container itself.
    """

    source: str
    target: str
    content: Content
    volume: str | None = None


def copied_files(deliveries: Iterable[Delivery]) -> str:
    """The label that says which files are in a container: digests by target, as JSON; the engine tells none of it."""
    digests = {one.target: one.content.digest for one in deliveries if one.volume is None}
    return json.dumps(digests, sort_keys=True, separators=(",", ":")) if digests else ""


def read_copied_files(label: str) -> dict[str, str]:
    """Digests by target; none where somebody else wrote the label."""
    try:
        digests = json.loads(label or "{}")
    except (ValueError, RecursionError):
        return {}
    return {str(target): str(digest) for target, digest in digests.items()} if isinstance(digests, dict) else {}


def data_volume(realm: str, digest: str, instance: str | None = None) -> str:
    """The volume that holds a folder: one for all who only read it, one of its own for an instance that writes."""
    return f"{_VOLUME}{realm}--{digest[:16]}" + (f"--{instance}" if instance else "")


def is_data_volume(name: str) -> bool:
    """Whether a volume is called like one of these."""
    return name.startswith(_VOLUME) and name.count("--") in (2, 3)


def is_own_copy(volume: str) -> bool:
    """Whether a data volume is an instance's own, which it may have written to."""
    return volume.count("--") == 3


def lock_name(volume: str) -> str:
    """The container that is there, and never started, for as long as a data volume is not complete."""
    return _LOCK + volume.removeprefix(_VOLUME)


def filler_name(volume: str) -> str:
    """The container, never started either, through which a data volume is filled."""
    return _FILLER + volume.removeprefix(_VOLUME)


def filled_volume(container: str) -> str | None:
    """The volume that a lock or a filler is there for; None for any other container."""
    for prefix in (_LOCK, _FILLER):
        if container.startswith(prefix):
            return _VOLUME + container.removeprefix(prefix)
    return None
