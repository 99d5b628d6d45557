"""Shows lines of logs: as they are, behind the names of their instances, or as JSON."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from typing import Any, Protocol

from ozwald.cli.exact import exact
from ozwald.cli.output import print_json_lines, print_text, warn
from ozwald.cli.prefixed import PrefixedLines
from ozwald.execution.log_lines import LogLine
from ozwald.model.plan import InstanceKey
from ozwald.remote.command import Stream


class LogView(Protocol):
    """What lines and remarks are shown on; remarks may come from any thread."""

    def show(self, lines: Sequence[LogLine]) -> None:
        """Raises BrokenPipeError when nobody reads any more."""

    def note(self, key: InstanceKey, text: str) -> None:
        """Says something about an instance on stderr."""


class PlainView:
    """The lines of one instance: bytes as they are into a pipe, harmless text on a terminal."""

    def __init__(self, *, timestamps: bool) -> None:
        self._text = LineText(timestamps=timestamps)

    def show(self, lines: Sequence[LogLine]) -> None:
        print_text(self._text.of(lines))

    def note(self, key: InstanceKey, text: str) -> None:
        warn(f"{key}: {text}")


class PrefixedView:
    """The lines of several instances, each behind its name."""

    def __init__(self, keys: Iterable[InstanceKey], *, timestamps: bool) -> None:
        self._text = LineText(timestamps=timestamps)
        self._lines = PrefixedLines([str(key) for key in keys], errors_apart=False)

    def show(self, lines: Sequence[LogLine]) -> None:
        for (key, stream), together in groupby(lines, key=lambda line: (line.key, line.stream)):
            self._lines.add(str(key), self._text.of(together), is_error=stream == "stderr")
        if self._lines.broken:
            raise BrokenPipeError

    def note(self, key: InstanceKey, text: str) -> None:
        self._lines.note(str(key), text)


class JsonView:
    """One JSON object a line: time, instance, host, stream, text, and whether the line goes on."""

    def show(self, lines: Sequence[LogLine]) -> None:
        print_json_lines(_document(line) for line in lines)

    def note(self, key: InstanceKey, text: str) -> None:
        warn(f"{key}: {text}")


class LineText:
    """Lines as bytes, behind their moments where those are wanted."""

    def __init__(self, *, timestamps: bool) -> None:
        self._timestamps = timestamps
        self._begun: set[tuple[InstanceKey, Stream]] = set()

    def of(self, lines: Iterable[LogLine]) -> bytes:
        """The lines one after the other, each with its newline."""
        return b"".join(self._one(line) for line in lines)

    def _one(self, line: LogLine) -> bytes:
        end = b"" if line.is_part else b"\n"
        if not self._timestamps:
            return line.text + end
        place = (line.key, line.stream)
        stamp = b"" if place in self._begun else moment(line.at_ns).encode() + b" "
        (self._begun.add if line.is_part else self._begun.discard)(place)
        return stamp + line.text + end


def moment(at_ns: int) -> str:
    """RFC 3339 in UTC with nanoseconds."""
    return f"{_second(at_ns // 10**9)}.{at_ns % 10**9:09d}Z"


@lru_cache(maxsize=64)
def _second(epoch_s: int) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _document(line: LogLine) -> dict[str, Any]:
    return {
        "time": moment(line.at_ns),
        "instance": str(line.key),
        "host": line.host,
        "stream": line.stream,
        **exact("text", line.text),
        "partial": line.is_part,
    }
