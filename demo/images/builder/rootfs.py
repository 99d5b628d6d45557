"""Gathers the files of an image: a small Linux userland, a Python, and what the caller adds."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from builder.elf import libraries_of, without_debug_sections
from builder.errors import BuildError

BUSYBOX_COMMANDS = (
    "cat",
    "date",
    "echo",
    "env",
    "free",
    "hostname",
    "id",
    "ls",
    "nproc",
    "ps",
    "sh",
    "sleep",
    "sort",
    "stat",
    "tr",
    "uname",
    "wget",
)
BUSYBOX_HINT = "install it (Debian, Ubuntu: apt-get install busybox-static)"

ACCOUNTS = {
    "etc/passwd": b"root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": b"root:x:0:\nnogroup:x:65534:\n",
    "etc/nsswitch.conf": b"passwd: files\ngroup: files\nhosts: files dns\n",
}

# Parts of the standard library that a server does not import, by name in any folder.
OMITTED = frozenset(
    {
        "__pycache__",
        "__phello__",
        "dist-packages",
        "distutils",
        "ensurepip",
        "idlelib",
        "lib2to3",
        "pydoc_data",
        "site-packages",
        "test",
        "tests",
        "tkinter",
        "turtledemo",
        "venv",
        "antigravity.py",
        "sitecustomize.py",
        "turtle.py",
        "EXTERNALLY-MANAGED",
        "LICENSE.txt",
    }
)
OMITTED_STARTS = ("config-", "_sysconfigdata")
OMITTED_EXTENSIONS = (
    "_codecs_",
    "_crypt",
    "_ctypes_test",
    "_curses",
    "_dbm",
    "_decimal",
    "_gdbm",
    "_hashlib",
    "_lsprof",
    "_sqlite3",
    "_ssl",
    "_test",
    "_tkinter",
    "_xx",
    "nis",
    "ossaudiodev",
    "readline",
    "xx",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    content: bytes
    mode: int = 0o644


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    mode: int = 0o755


Entry = File | Link | Folder


@dataclass(slots=True)
class Rootfs:
    """The files of an image by their path without the first slash."""

    entries: dict[str, Entry] = field(default_factory=dict)

    def add(self, path: str | PurePosixPath, entry: Entry) -> None:
        """Adds one entry and the folders above it."""
        for parent in PurePosixPath(path).parents:
            if parent.name:
                self.entries.setdefault(str(parent), Folder())
        self.entries[str(path)] = entry

    def add_file(self, path: str | PurePosixPath, source: Path) -> None:
        """Copies a file of this machine, programs without their debug sections."""
        mode = 0o755 if os.access(source, os.X_OK) else 0o644
        self.add(path, File(content=without_debug_sections(source.read_bytes()), mode=mode))

    def add_tree(self, path: str | PurePosixPath, source: Path) -> None:
        """Copies a folder of this machine."""
        for file in tree_files(source):
            self.add_file(PurePosixPath(path, file.relative_to(source).as_posix()), file)

    def add_libraries_of(self, files: list[Path]) -> None:
        """Copies the shared libraries that `files` need to /lib, and the loader to where it is looked for."""
        libraries = libraries_of(files)
        for name, source in libraries.by_name.items():
            self.add_file(f"lib/{name}", source)
        for loader in libraries.loaders:
            self.add_file(str(loader).lstrip("/"), loader)


def base_system(busybox: Path) -> Rootfs:
    """A root file system with a shell, a few commands and the accounts that programs look up."""
    rootfs = Rootfs()
    for path, content in ACCOUNTS.items():
        rootfs.add(path, File(content=content))
    for folder in ("dev", "proc", "sys", "run"):
        rootfs.add(folder, Folder())
    rootfs.add("tmp", Folder(mode=0o1777))
    rootfs.add_file("bin/busybox", busybox)
    rootfs.add_libraries_of([busybox])
    for command in BUSYBOX_COMMANDS:
        rootfs.add(f"bin/{command}", Link(target="busybox"))
    return rootfs


def find_busybox() -> Path:
    """This machine's busybox. Raises BuildError when there is none, or one without httpd."""
    for candidate in (Path("/bin/busybox"), Path("/usr/bin/busybox")):
        if candidate.exists():
            applets = subprocess.run([candidate, "--list"], capture_output=True, text=True, check=True)
            if "httpd" in applets.stdout.split():
                return candidate
            raise BuildError(f"{candidate} has no httpd: {BUSYBOX_HINT}")
    raise BuildError(f"busybox is missing: {BUSYBOX_HINT}")


def add_python(rootfs: Rootfs) -> None:
    """Copies the running interpreter to /usr/bin and its standard library to where it looks for that."""
    interpreter = Path(sys.executable).resolve()
    library = Path(sysconfig.get_path("stdlib"))
    home = f"usr/{sys.platlibdir}/{library.name}"
    extensions = []
    for file in tree_files(library):
        if is_needed(file.relative_to(library)):
            rootfs.add_file(PurePosixPath(home, file.relative_to(library).as_posix()), file)
            if file.suffix == ".so":
                extensions.append(file)
    rootfs.add_file("usr/bin/python3", interpreter)
    rootfs.add_libraries_of([interpreter, *extensions])


def is_needed(path: Path) -> bool:
    """Tells whether a file of the standard library goes into the image."""
    if OMITTED.intersection(path.parts) or path.parts[0].startswith(OMITTED_STARTS):
        return False
    if path.parts[0] == "lib-dynload":
        return not path.name.startswith(OMITTED_EXTENSIONS)
    return path.suffix == ".py"


def tree_files(folder: Path) -> Iterator[Path]:
    """Yields the files below a folder, byte code left out."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != "__pycache__")
        for name in sorted(files):
            if (path := Path(parent, name)).is_file():
                yield path
