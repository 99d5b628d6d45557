"""The book of footprints on disk: changed by one process at a time, written whole."""

import glob
import os
from collections.abc import Mapping
from pathlib import Path

from ozwald.config.files import MAX_FILE_BYTES
from ozwald.config.footprint_book import book_text, read_book
from ozwald.errors import RequestError, StateError
from ozwald.footprint.book import with_measured
from ozwald.model.footprint import Footprint
from ozwald.state.files import sweep, write_whole
from ozwald.state.locks import held

VARIABLE = "OZWALD_FOOTPRINT_DATA"
WAIT_S = 30.0


def book_path(environ: Mapping[str, str], folder: Path) -> Path:
    """The file that the environment names, from the working directory on.

    Raises:
        RequestError: it names none.
    """
    named = environ.get(VARIABLE)
    if not named:
        raise RequestError(
            f"{VARIABLE} is not set: it names the file that footprints are kept in; "
            f"set it, here or in .env: export {VARIABLE}=footprints.yml"
        )
    return folder / Path(named).expanduser()


def check(path: Path) -> None:
    """Whether a measurement could be put into the book: to be known before much time is spent on one.

    Raises:
        SettingsError: what is there is not understood.
        StateError: it could not be written.
    """
    file = Path(os.path.realpath(path))
    _make_folder(file.parent)
    read_book(file)
    if not os.access(file.parent, os.W_OK | os.X_OK):
        raise StateError(f"cannot write {path}: its folder does not allow it; set {VARIABLE}")


def record(path: Path, measured: Footprint) -> None:
    """Puts a measurement into the book, in place of the older one of its combination, host and cards.

    Raises:
        SettingsError: what is there is not understood; it stays as it is.
        StateError: it cannot be written, or another process holds it for half a minute.
    """
    file = Path(os.path.realpath(path))
    _make_folder(file.parent)
    with held(file.with_name(f".{file.name}.lock"), str(path), wait_s=WAIT_S):
        sweep(file.parent, glob.escape(file.name))
        book = with_measured(read_book(file), measured)
        write_whole(file, book_text(book), mode=_mode(file), most_bytes=MAX_FILE_BYTES)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as err:
        raise StateError(f"cannot make {folder}: {err.strerror}; set {VARIABLE}") from err


def _mode(file: Path) -> int:
    """As it is; a new one everybody may read, since people share it."""
    try:
        return file.stat().st_mode & 0o777
    except OSError:
        return 0o644
