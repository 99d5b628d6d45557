"""Pure: takes the probe's output apart, and collects why facts are missing while they are read from it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ozwald.remote.text import clean

TIMED_OUT: Final = frozenset({124, 137})
LONGEST: Final = 160
MOST_LINES: Final = 20_000
ANNOUNCED: Final = re.compile(rb"^ozwald-probe ([0-9a-f]{16})$", re.MULTILINE)
MARKED: Final = re.compile(rb"^([0-9a-f]{16}) ([a-z_-]{1,40}|\.)(?: (\d{1,3}))?$\n?", re.MULTILINE)
NAMES: Final = frozenset(
    (
        *("os", "kernel", "architecture", "boot_id", "processors", "topology", "memory", "cgroup_version", "disk"),
        *("engine_sockets", "listeners", "cards", "names", "toolkit", "toolkit_version", "holders"),
        *("nvidia-smi", "nvidia-mig", "rocm-smi", "amd-smi-static", "amd-smi-metric", "amd_nodes", "amd_holders"),
    )
)


@dataclass(frozen=True, slots=True)
class Section:
    """What one part of the probe printed; `status` is None where it was cut."""

    text: bytes = b""
    status: int | None = None

    @property
    def lines(self) -> list[str]:
        """The first lines: no section of an honest host has as many."""
        return self.text.decode("utf-8", "replace").split("\n", MOST_LINES)[:MOST_LINES]


@dataclass(frozen=True, slots=True)
class Reading:
    """The sections, and the reasons collected while facts are taken from them."""

    sections: Mapping[str, Section]
    missing: dict[str, str] = field(default_factory=dict)

    def section(self, name: str) -> Section:
        return self.sections.get(name, Section())

    def line(self, name: str) -> str | None:
        """The one line of a section whose fact has the same name."""
        text = clean(self.section(name).text)
        if self.section(name).status == 0 and text:
            return text
        self.lacks(name, text or "the probe did not get that far")
        return None

    def lacks(self, fact: str, why: str) -> None:
        """Notes why a fact is missing, after what was noted of it before."""
        before = f"{self.missing[fact]}; " if fact in self.missing else ""
        self.missing[fact] = clean(before + clean(why, limit=LONGEST), limit=4 * LONGEST)

    @contextmanager
    def tool(self, name: str, section: Section) -> Iterator[None]:
        """Collects what is wrong with a tool's output as the reason why cards are missing."""
        try:
            yield
        except ValueError as err:
            self.lacks("gpus", f"{name}: {'it took too long' if section.status in TIMED_OUT else err}")


def read_sections(output: bytes) -> Reading:
    """Splits at the mark that the script announces, and not at anything that a tool printed.

    What start-up files of the host's shell print comes before the announcement and is dropped.
    """
    announced = ANNOUNCED.search(output)
    if announced is None:
        return Reading({})
    found: dict[str, Section] = {}
    name, start = "", 0
    for mark in MARKED.finditer(output, announced.end()):
        if mark[1] != announced[1]:
            continue
        if name in NAMES and name not in found:
            status = int(mark[3] or 0) if mark[2] == b"." else None
            found[name] = Section(output[start : mark.start()].strip(b"\n"), status)
        name, start = ("", 0) if mark[2] == b"." else (mark[2].decode(), mark.end())
    if name in NAMES:
        found.setdefault(name, Section(output[start:].strip(b"\n"), None))
    return Reading(found)
