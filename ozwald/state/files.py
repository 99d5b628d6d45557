"""Files that are there whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from ozwald.errors import StateError


def read_text(path: Path) -> str | None:
    """A file's text, or None when there is none.

    Raises:
        StateError: it is there but cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as err:
        raise StateError(f"cannot read {path}: {err}") from err


def write_whole(path: Path, text: str, *, overwrite: bool = True) -> None:
    """Writes beside, syncs and renames, so that no reader and no crash ever sees half a file (mode 0600).

    Without `overwrite` a file that is already there stays as it is.

    Raises:
        StateError: it cannot be written; the old content is still there.
    """
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        _move(temporary, path, overwrite=overwrite)
        _sync_folder(path.parent)
    except OSError as err:
        raise StateError(f"cannot write {path}: {err.strerror}") from err
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def _move(temporary: str, path: Path, *, overwrite: bool) -> None:
    if overwrite:
        os.replace(temporary, path)
        return
    with contextlib.suppress(FileExistsError):
        os.link(temporary, path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
