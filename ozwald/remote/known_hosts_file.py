"""Writes a host's key into a known_hosts file, beside other programs that do the same."""

import base64
import fcntl
import hashlib
import hmac
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from ozwald.errors import StateError
from ozwald.remote.hostkeys import HostKey, is_name

OWNERS_ONLY: Final = 0o600
SALT_BYTES: Final = 20


def record_host_key(path: str, name: str, key: HostKey, *, replace: bool = False, hashed: bool = False) -> None:
    """Appends a host's key to a known_hosts file, made private where it is new; `replace` drops its older lines.

    Raises:
        StateError: the file cannot be read or written.
    """
    file = Path(path).expanduser()
    line = f"{_hashed(name) if hashed else name} {key.type} {base64.b64encode(key.blob).decode()}\n"
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _locked(file.parent):
            if replace:
                _rewrite(file, _without(_text(file), name) + line)
            else:
                _append(file, line)
    except OSError as err:
        raise StateError(f"cannot record the key in {file}: {err.strerror}") from err


def drop_host_keys(path: str, name: str) -> None:
    """Removes a host's lines from a known_hosts file; raises StateError."""
    file = Path(path).expanduser()
    try:
        with _locked(file.parent):
            _rewrite(file, _without(_text(file), name))
    except OSError as err:
        raise StateError(f"cannot remove the old key from {file}: {err.strerror}") from err


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keeps others of us out; the folder is what stays the same when the file is replaced."""
    number = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # some network file systems lock no folders
            fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


def _append(file: Path, line: str) -> None:
    number = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT, OWNERS_ONLY)
    try:
        size = os.fstat(number).st_size
        if size and os.pread(number, 1, size - 1) != b"\n":
            line = "\n" + line
        os.write(number, line.encode())  # one call, so that no other program's line comes between
    finally:
        os.close(number)


def _text(file: Path) -> str:
    if not file.exists():
        return ""
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as content:
        return content.read()


def _without(text: str, name: str) -> str:
    """The file's text less the lines that record a key for exactly this name; shared lines lose the name."""
    kept = []
    for line in text.removesuffix("\n").split("\n") if text else ():
        words = line.split(maxsplit=1)
        if len(words) == 2 and not words[0].startswith(("#", "@")):
            patterns = words[0].split(",")
            left = [pattern for pattern in patterns if not is_name(pattern, name)]
            if len(left) < len(patterns):
                kept += [f"{','.join(left)} {words[1]}"] if left else []
                continue
        kept.append(line)
    return "".join(f"{line}\n" for line in kept)


def _rewrite(file: Path, text: str) -> None:
    """Replaces the file whole, with its mode; a link stays one, and a file that is not to be written stays as it is."""
    real = file.resolve()
    mode = OWNERS_ONLY
    if real.exists():
        mode = real.stat().st_mode & 0o777
        os.close(os.open(real, os.O_WRONLY))
    beside = real.with_name(f"{real.name}.ozwald-{os.getpid()}")
    try:
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNERS_ONLY)
        with os.fdopen(number, "w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            out.write(text)
            out.flush()
            os.fchmod(out.fileno(), mode)
            os.fsync(out.fileno())
        beside.replace(real)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise


def _hashed(name: str) -> str:
    """A name as `HashKnownHosts yes` has it written."""
    salt = os.urandom(SALT_BYTES)
    digest = hmac.new(salt, name.encode(), hashlib.sha1).digest()
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"
