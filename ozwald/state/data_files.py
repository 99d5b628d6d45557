"""Reads the controller's own data: its digest for planning, and a tar archive of it for a host."""

import errno
import hashlib
import os
import stat
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from ozwald.errors import RequestError
from ozwald.model.data import Content
from ozwald.model.units import show_bytes

LIMIT_BYTES: Final = 4 << 30
LIMIT_ENTRIES: Final = 100_000
PIECE: Final = 256 * 1024
_KINDS: Final = {
    stat.S_IFSOCK: "a socket",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


class DataChanged(RequestError):
    """A source is not what it was when the plan was made."""

    def __init__(self, source: str) -> None:
        super().__init__(f"{source} was changed while it was read; apply again when it is at rest")


@dataclass(frozen=True, slots=True)
class _Entry:
    """One file, folder or link; `name` is relative to the source, `.` for a folder that is the source itself."""

    name: str
    kind: bytes
    status: os.stat_result
    link: str = ""

    @property
    def size_bytes(self) -> int:
        return self.status.st_size if self.kind == tarfile.REGTYPE else 0

    @property
    def mode(self) -> int:
        return stat.S_IMODE(self.status.st_mode)

    def digested(self) -> bytes:
        """What of it, besides its content, tells it from another; each part is behind its length."""
        parts = [self.kind, b"%o" % self.mode, os.fsencode(self.name), os.fsencode(self.link), b"%d" % self.size_bytes]
        return b"".join(b"%d:%b" % (len(part), part) for part in parts)

    def header(self, name: str) -> bytes:
        """Its header in a tar archive; whoever owns it here, there it is root's."""
        info = tarfile.TarInfo(name)
        info.type, info.mode, info.size, info.linkname = self.kind, self.mode, self.size_bytes, self.link
        info.mtime, info.uname, info.gname = int(self.status.st_mtime), "root", "root"
        return info.tobuf(tarfile.GNU_FORMAT, "utf-8", "surrogateescape")


def content_of(source: str) -> Content:
    """Reads a file or a folder through.

    Raises:
        RequestError: it is not there, cannot be read, is too large, or holds what is neither file, folder nor link.
    """
    digest, size, is_file = hashlib.sha256(), 0, False
    for part in _read(source):
        if isinstance(part, _Entry):
            size += part.size_bytes
            is_file |= part.name == "." and part.kind == tarfile.REGTYPE
            digest.update(part.digested())
        else:
            digest.update(part)
    return Content(digest=digest.hexdigest(), size_bytes=size, is_file=is_file)


def archive(
    source: str, content: Content, *, name: str = ".", on_sent: Callable[[int], None] = lambda sent: None
) -> Iterator[bytes]:
    """A tar archive of a source that still has this content, in pieces; `name` is what it is called in there.

    `on_sent` is told the bytes of content so far. An archive that is not what was planned ends with an error.

    Raises:
        DataChanged: the source changed since it was read for the plan.
        RequestError: as `content_of`.
    """
    digest, sent, gathered = hashlib.sha256(), 0, bytearray()
    for part in _read(source):
        if isinstance(part, _Entry):
            digest.update(part.digested())
            gathered += bytes(-len(gathered) % tarfile.BLOCKSIZE) + part.header(os.path.normpath(f"{name}/{part.name}"))
        else:
            digest.update(part)
            sent += len(part)
            gathered += part
        if len(gathered) >= PIECE:
            whole = len(gathered) - len(gathered) % tarfile.BLOCKSIZE
            yield bytes(gathered[:whole])
            del gathered[:whole]
            on_sent(sent)
    if digest.hexdigest() != content.digest:
        raise DataChanged(source)
    yield bytes(gathered) + bytes(-len(gathered) % tarfile.BLOCKSIZE + 2 * tarfile.BLOCKSIZE)


def _read(source: str) -> Iterator[_Entry | bytes]:
    """Each entry, a folder before what is in it, a file with its content behind it."""
    entries = size = 0
    try:
        for part in _walk(os.path.realpath(source)):
            if isinstance(part, _Entry):
                entries, size = entries + 1, size + part.size_bytes
                _check_size(source, entries, size)
            yield part
    except OSError as err:
        raise RequestError(f"cannot read {err.filename or source}: {err.strerror}") from err


def _walk(source: str) -> Iterator[_Entry | bytes]:
    waiting = [(source, ".")]
    while waiting:
        path, name = waiting.pop()
        status = os.lstat(path)
        if stat.S_ISDIR(status.st_mode):
            yield _Entry(name, tarfile.DIRTYPE, status)
            below = sorted(os.listdir(path), key=os.fsencode, reverse=True)
            waiting += [(os.path.join(path, one), os.path.normpath(f"{name}/{one}")) for one in below]
        elif stat.S_ISLNK(status.st_mode):
            yield _Entry(name, tarfile.SYMTYPE, status, link=os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            yield from _read_file(path, name)
        else:
            what = _KINDS.get(stat.S_IFMT(status.st_mode), "neither a file nor a folder")
            raise RequestError(f"{path} is {what}, which cannot be brought to another machine; move it elsewhere")


def _read_file(path: str, name: str) -> Iterator[_Entry | bytes]:
    """Opens it so that what has taken its place meanwhile neither misleads nor holds up."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as err:
        if err.errno in (errno.ELOOP, errno.ENXIO):
            raise DataChanged(path) from err
        raise
    with open(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise DataChanged(path)
        yield _Entry(name, tarfile.REGTYPE, status)
        left = status.st_size
        while left:
            piece = file.read(min(PIECE, left))
            if not piece:
                raise DataChanged(path)
            left -= len(piece)
            yield piece


def _check_size(source: str, entries: int, size_bytes: int) -> None:
    advice = "put it on the hosts and write its absolute path there"
    if entries > LIMIT_ENTRIES:
        raise RequestError(f"{source} holds more than {LIMIT_ENTRIES} files, too many to be sent; {advice}")
    if size_bytes > LIMIT_BYTES:
        raise RequestError(f"{source} holds more than {show_bytes(LIMIT_BYTES)}, too much to be sent; {advice}")
