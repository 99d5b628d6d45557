"""Files that are there whole or not at all."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path

from ozwald.errors import StateError

# A wanted set of some thousand instances; read as JSON, the worst text of this size takes 60 MiB.
MAX_BYTES = 2 * 1024 * 1024


def read_text(path: Path) -> str | None:
    """A file's text, or None when there is none.

    Raises:
        StateError: it is there but cannot be read, or is no regular file of at most MAX_BYTES.
    """
    try:
        return _read(path).decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as err:
        raise StateError(f"cannot read {path}: {err}") from err


def _read(path: Path) -> bytes:
    # Without O_NONBLOCK, opening a FIFO that nobody writes to waits for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ValueError("it is not a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            # None where something that calls itself a file has nothing to give yet.
            content = file.read(MAX_BYTES + 1) or b""
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES // 1024**2} MiB")
    return content


def write_whole(
    path: Path, text: str, *, overwrite: bool = True, mode: int = 0o600, most_bytes: int = MAX_BYTES
) -> None:
    """Writes beside, syncs and renames, so that no reader and no crash ever sees half a file.

    Without `overwrite` a file that is already there stays as it is.

    Raises:
        StateError: it cannot be written; the old content is still there.
    """
    if len(text.encode()) > most_bytes:
        raise StateError(f"cannot write {path}: it would be larger than {most_bytes // 1024**2} MiB")
    temporary = ""
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(descriptor, mode)
            file.flush()
            os.fsync(file.fileno())
        _move(temporary, path, overwrite=overwrite)
        _sync_folder(path.parent)
    except OSError as err:
        raise StateError(f"cannot write {path}: {err.strerror}") from err
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)


def sweep(folder: Path, names: str) -> None:
    """Removes what writes that were killed have left of the files whose names match; only for who holds their lock.

    Raises:
        StateError: it cannot be removed.
    """
    try:
        for left in folder.glob(f".{names}.????????"):
            left.unlink(missing_ok=True)
    except OSError as err:
        raise StateError(f"cannot sweep {folder}: {err.strerror}") from err


def move_aside(path: Path) -> None:
    """Keeps a damaged file beside its place, as `.damaged`; raises StateError."""
    try:
        path.replace(path.with_suffix(".damaged"))
    except OSError as err:
        raise StateError(f"cannot move {path} aside: {err.strerror}") from err


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
