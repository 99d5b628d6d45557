"""Collects everything that is wrong, so that a user sees it all at once."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ozwald.errors import Problem, SettingsError
from ozwald.model.service import Origin

# About 10 microseconds each.
_MOST_COMPARED = 20_000


@dataclass(slots=True, kw_only=True)
class Problems:
    """Errors and warnings found so far; texts name keys and places, never a value."""

    errors: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    compared: int = 0

    def error(self, origin: Origin, message: str, *, path: str = "") -> None:
        self.errors.append(_problem(origin, path, message))

    def warn(self, origin: Origin, message: str, *, path: str = "") -> None:
        self.warnings.append(_problem(origin, path, message))

    def nearest(self, name: str, known: Iterable[str]) -> str:
        """As the function `nearest`, up to an amount of work that no file full of wrong names exceeds."""
        names = list(known)
        self.compared += len(names)
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
    close = difflib.get_close_matches(name[:100], names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    if not names:
        return ""
    return f"; known: {', '.join(names[:8])}{' …' if len(names) > 8 else ''}"


def whole_file(file: str) -> Origin:
    """The place of a problem that concerns a file as a whole."""
    return Origin(file=file, line=0, column=0)


def shown(path: Path, cwd: Path) -> str:
    """The path as messages show it: relative to the working directory where it lies inside."""
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)


def _problem(origin: Origin, path: str, message: str) -> Problem:
    return Problem(file=origin.file, line=origin.line, column=origin.column, path=path, message=message)
