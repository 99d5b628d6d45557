"""Reads the text files and folders of the controller: regular, bounded, UTF-8."""

import os
import re
import stat
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from ozwald.config.problems import Problems, RefusedError, whole_file
from ozwald.model.realm import Origin

MAX_FILE_BYTES = 4 * 1024 * 1024
# So that a file that only looks small is refused before anything is made of it.
MAX_SEPARATORS = 500_000
MAX_FOLDER_ENTRIES = 10_000

# What opening a file costs, and reading its text, in values of a YAML file.
_FILE_VALUES = 20
_BYTES_PER_VALUE = 24

_SEPARATORS = ("\n", ",", ":", "[", "{", "- ", "? ")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A text and the name of its file as messages show it."""

    file: str
    text: str


def read_source(path: Path, *, file: str, problems: Problems) -> Source:
    """The text of a regular file of at most MAX_FILE_BYTES; raises RefusedError."""
    try:
        content = _read(path, file)
    except OSError as err:
        raise unreadable(file, err) from err
    except ValueError as err:
        raise RefusedError(whole_file(file), "cannot be read: the path is not valid") from err
    problems.spend(_FILE_VALUES + len(content) // _BYTES_PER_VALUE, whole_file(file))
    return decode(content, file=file)


def names_in(folder: Path, *, file: str) -> list[str]:
    """The names in a folder, sorted; raises RefusedError for one with too many, OSError for one that is none."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in islice(entries, MAX_FOLDER_ENTRIES + 1)]
    if len(names) > MAX_FOLDER_ENTRIES:
        raise RefusedError(whole_file(file), f"has more than {MAX_FOLDER_ENTRIES} entries")
    return sorted(names)


def unreadable(file: str, err: OSError) -> RefusedError:
    """The error for a file or folder that the system does not give."""
    return RefusedError(whole_file(file), f"cannot be read: {err.strerror or type(err).__name__}")


def decode(content: bytes, *, file: str) -> Source:
    """The bytes as text, without a byte order mark; raises RefusedError for what is not UTF-8 or not text."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = content.count(b"\n", 0, err.start) + 1
        column = err.start - content.rfind(b"\n", 0, err.start)
        raise RefusedError(Origin(file=file, line=line, column=column), "is not UTF-8 text") from err
    forbidden = _FORBIDDEN.search(text)
    if forbidden:
        character = f"U+{ord(forbidden[0]):04X}"
        raise RefusedError(place(text, forbidden.start(), file), f"has a character that is not text: {character}")
    if sum(map(text.count, _SEPARATORS)) > MAX_SEPARATORS:
        raise RefusedError(whole_file(file), f"has more than {MAX_SEPARATORS} lines, entries and items")
    return Source(file=file, text=text)


def place(text: str, offset: int, file: str) -> Origin:
    """Line and column of an offset."""
    return Origin(file=file, line=text.count("\n", 0, offset) + 1, column=offset - text.rfind("\n", 0, offset))


def _read(path: Path, file: str) -> bytes:
    # Without O_NONBLOCK, opening a FIFO that nobody writes to waits for ever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RefusedError(whole_file(file), "is not a regular file")
        with open(descriptor, "rb", closefd=False) as stream:
            # None where something that calls itself a file has nothing to give yet.
            content = stream.read(MAX_FILE_BYTES + 1) or b""
    finally:
        os.close(descriptor)
    if len(content) > MAX_FILE_BYTES:
        raise RefusedError(whole_file(file), f"is larger than {MAX_FILE_BYTES // 1024**2} MiB")
    return content
