"""Reads ELF files: which shared libraries they need, and how much of them is needed at run time."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from builder.errors import BuildError

ELF64_LITTLE_ENDIAN = b"\x7fELF\x02\x01"
HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Libraries:
    """Shared libraries by soname, and the loaders by the absolute path that programs name."""

    by_name: dict[str, Path]
    loaders: frozenset[Path]


def libraries_of(files: Iterable[Path]) -> Libraries:
    """Finds all libraries that `files` load, directly or not. Raises BuildError when one is missing."""
    # ldd ends with 1 when one of several files is static: its lines, not its status, tell what is needed.
    command = ["ldd", *map(str, files)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}
        )
    except FileNotFoundError as error:
        raise BuildError("ldd is missing: install it (Debian, Ubuntu: apt-get install libc-bin)") from error
    return parse_ldd(done.stdout)


def parse_ldd(text: str) -> Libraries:
    """Reads ldd's lines for one or more files. Raises BuildError that names the libraries it did not find."""
    missing = sorted(set(re.findall(r"^\s+(\S+) => not found", text, re.MULTILINE)))
    if missing:
        raise BuildError(
            f"shared libraries are missing on this machine: {', '.join(missing)}; install them "
            "(Debian, Ubuntu: apt-get install libgomp1 libstdc++6)"
        )
    found = re.findall(r"^\s+(\S+) => (/\S+) \(0x", text, re.MULTILINE)
    loaders = re.findall(r"^\s+(/\S+) \(0x", text, re.MULTILINE)
    # A soname with a slash is the loader again, named through an arrow.
    arrows = {Path(name) for name, _ in found if name.startswith("/")}
    return Libraries(
        by_name={name: Path(path) for name, path in found if not name.startswith("/")},
        loaders=frozenset({Path(path) for path in loaders} | arrows),
    )


def without_debug_sections(content: bytes) -> bytes:
    """Cuts off what follows the last loaded segment: section headers, symbols, debug information.

    The loader reads program headers only. Anything that is not a 64-bit little-endian ELF file whose section
    headers come last is returned as it is.
    """
    if not content.startswith(ELF64_LITTLE_ENDIAN):
        return content
    ident, kind, machine, version, entry, phoff, shoff, flags, *sizes = HEADER.unpack_from(content)
    _, phentsize, phnum, *_ = sizes
    segments = [SEGMENT.unpack_from(content, phoff + index * phentsize) for index in range(phnum)]
    end = max((offset + size for _, _, offset, _, _, size, _, _ in segments), default=len(content))
    if shoff < end:
        return content
    sizes[-2:] = 0, 0
    header = HEADER.pack(ident, kind, machine, version, entry, phoff, 0, flags, *sizes)
    return header + content[HEADER.size : end]
