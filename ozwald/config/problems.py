"""Collects everything that is wrong, so that a user sees it all at once, and bounds what one load may cost."""

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ozwald.errors import Problem, SettingsError
from ozwald.model.realm import Origin

MOST_PROBLEMS = 1_000

# What is read and made for one load, in values of a YAML file, which cost about 4 microseconds each: half as
# much again as a fleet of a thousand hosts and two thousand rich definitions has.
MOST_VALUES = 400_000

# Comparing two names takes some microseconds, and one more for each 16 pairs of their letters.
_MOST_COMPARED = 60_000
_COMPARISON = 4
_PAIRS_AT_ONCE = 16
_LONGEST_NAME = 64
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")


@dataclass(slots=True, kw_only=True)
class Problems:
    """Errors and warnings found so far; texts name keys and places, never a value."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    compared: int = 0
    spent: int = 0

    def error(self, origin: Origin, message: str, *, path: str = "") -> None:
        """Add an error; raises SettingsError when there are too many to go on."""
        self.errors.append(_problem(origin, path, message))
        if len(self.errors) == MOST_PROBLEMS:
            self.errors.append(_problem(whole_file(origin.file), "", f"more than {MOST_PROBLEMS} errors; stopped here"))
            self.raise_if_any()

    def warn(self, origin: Origin, message: str, *, path: str = "") -> None:
        """Add a warning, unless there are too many already."""
        if len(self.warnings) < MOST_PROBLEMS:
            self.warnings.append(_problem(origin, path, message))

    def spend(self, values: int, origin: Origin) -> None:
        """Count what a file holds or makes; raises SettingsError when it is more than any fleet needs."""
        self.spent += values
        if self.spent > MOST_VALUES:
            message = f"here the settings and inventory become larger than Ozwald reads: {MOST_VALUES} values in all"
            self.error(origin, message)
            self.raise_if_any()

    def nearest(self, name: str, known: Iterable[str]) -> str:
        """As the function `nearest`, up to an amount of work that no file full of wrong names exceeds."""
        names = list(known)
        work = sum(len(known_name) for known_name in names) * min(len(name), _LONGEST_NAME)
        self.compared += _COMPARISON * len(names) + work // _PAIRS_AT_ONCE
        return nearest(name, names) if self.compared <= _MOST_COMPARED else ""

    def refused(self, err: "RefusedError") -> None:
        """Take the error of a value that could not be read, unless it was reported before."""
        if err.message:
            self.error(err.origin, err.message, path=err.path)

    def raise_if_any(self) -> None:
        """Raise SettingsError with every error, in the order of files and lines."""
        if self.errors:
            unique = dict.fromkeys(self.errors)
            raise SettingsError(sorted(unique, key=lambda problem: (problem.file, problem.line, problem.column)))


class RefusedError(Exception):
    """One value cannot be read; carries where it stands and why, or no text when that was reported before."""

    def __init__(self, origin: Origin, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.origin = origin
        self.message = message
        self.path = path


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence with the closest known name, else with the first few; empty when there are none."""
    names = list(known)
    comparable = [known_name for known_name in names if len(known_name) <= _LONGEST_NAME]
    close = difflib.get_close_matches(name[:_LONGEST_NAME], comparable, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not names:
        return ""
    first = ", ".join(shortened(known_name) for known_name in names[:8])
    return f"; known: {first}{' …' if len(names) > 8 else ''}"


def shortened(name: str) -> str:
    """A key or name as messages and paths show it, which may be as long as a file."""
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def whole_file(file: str) -> Origin:
    """The place of a problem that concerns a file as a whole."""
    return Origin(file=file, line=0, column=0)


def shown(path: Path, cwd: Path) -> str:
    """The path as messages show it: relative to the working directory where it lies inside."""
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)


def _problem(origin: Origin, path: str, message: str) -> Problem:
    return Problem(
        file=_printable(origin.file),
        line=origin.line,
        column=origin.column,
        path=_printable(path),
        message=_printable(message),
    )


def _printable(text: str) -> str:
    """The text without what a terminal obeys: keys and file names may hold anything."""
    return (
        text if text.isprintable() else _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
    )
