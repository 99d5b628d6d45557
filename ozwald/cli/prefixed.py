"""Output of many hosts at once: whole lines, each behind the name of where it comes from."""

import sys
import threading
from collections.abc import Sequence
from typing import TextIO

import click

from ozwald.cli.harmless import harmless
from ozwald.cli.output import wants_colour

COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "bright_cyan", "bright_yellow", "bright_green")
LONGEST_LINE = 64 * 1024


class PrefixedLines:
    """Takes pieces of output from any thread and prints whole lines; a line without end comes in parts.

    `broken` is set once nobody reads standard output any more; what comes after that is dropped. Errors go to
    standard error unless `errors_apart` is False.
    """

    def __init__(self, names: Sequence[str], *, errors_apart: bool = True) -> None:
        self.broken = False
        self._errors_apart = errors_apart
        self._width = max(map(len, names), default=0)
        self._colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
        self._begun: dict[tuple[str, bool], bytes] = {}
        self._lock = threading.Lock()

    def add(self, name: str, content: bytes, *, is_error: bool = False) -> None:
        """Prints the lines that this piece completes."""
        with self._lock:
            *lines, rest = (self._begun.pop((name, is_error), b"") + content).split(b"\n")
            if len(rest) > LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            if rest:
                self._begun[name, is_error] = rest
            self._print(name, lines, is_error)

    def end(self, name: str) -> None:
        """Prints what a source wrote last without ending the line."""
        with self._lock:
            for is_error in (False, True):
                rest = self._begun.pop((name, is_error), None)
                self._print(name, [] if rest is None else [rest], is_error)

    def note(self, name: str, text: str) -> None:
        """Says something about a source on stderr."""
        with self._lock:
            self._echo([self._prefix(name, "!", sys.stderr) + harmless(text)], is_error=True)

    def _print(self, name: str, lines: Sequence[bytes], is_error: bool) -> None:
        is_error = is_error and self._errors_apart
        prefix = self._prefix(name, "|", sys.stderr if is_error else sys.stdout)
        texts = (line.removesuffix(b"\r").decode("utf-8", "backslashreplace") for line in lines)
        self._echo([prefix + harmless(text) for text in texts], is_error=is_error)

    def _echo(self, lines: Sequence[str], *, is_error: bool) -> None:
        if not lines or self.broken:
            return
        try:
            click.echo("\n".join(lines), err=is_error)
        except BrokenPipeError:
            self.broken = True

    def _prefix(self, name: str, mark: str, stream: TextIO) -> str:
        prefix = f"{name:<{self._width}} {mark} "
        return click.style(prefix, fg=self._colours[name]) if wants_colour(stream) else prefix
