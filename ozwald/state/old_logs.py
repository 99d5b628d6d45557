"""Lets go of the logs of instances that are not wanted any more, so that the data folder stays bounded."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ozwald.state.home import DataFolder
from ozwald.state.wanted import read_wanted

log = logging.getLogger(__name__)

MAX_AGE_S: Final = 30 * 86_400.0
MAX_BYTES: Final = 256 * 1024 * 1024


def forget_old_logs(
    home: DataFolder, *, now: float, max_age_s: float = MAX_AGE_S, max_bytes: int = MAX_BYTES
) -> list[Path]:
    """Deletes launch and service logs that nobody wrote to for that long, and the oldest beyond that many bytes.

    Those of instances that any provisioner of the data folder wants are not counted, and stay. `now` is seconds since
    the epoch. Returns what was deleted.

    Raises:
        StateError: it is not known what is wanted; nothing is deleted.
    """
    wanted, size, deleted = _wanted(home), 0, []
    for modified_at, bytes_, path in sorted(_logs(home), reverse=True):
        if path.name.removesuffix(".old").removesuffix(".log") in wanted:
            continue
        size += bytes_
        if now - modified_at > max_age_s or size > max_bytes:
            deleted += _deleted(path)
    return deleted


def _wanted(home: DataFolder) -> set[str]:
    sets = [read_wanted(path) for path in (home.path / "wanted").glob("*.json")]
    return {f"{one.key.realm}--{one.key.name}" for found in sets if found for one in found.instances}


def _logs(home: DataFolder) -> Iterator[tuple[float, int, Path]]:
    for folder in ("launch", "services"):
        for path in (home.path / "logs" / folder).glob("*--*"):
            try:
                status = path.stat()
            except OSError:
                continue  # it is being written anew
            yield status.st_mtime, status.st_size, path


def _deleted(path: Path) -> list[Path]:
    try:
        path.unlink(missing_ok=True)
    except OSError as err:
        log.warning("cannot delete the old log %s: %s", path, err.strerror)
        return []
    return [path]
