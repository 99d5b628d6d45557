"""What services wrote, kept in two files of bounded size for each instance, of which the older one goes."""

import json
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Final

from ozwald.errors import StateError
from ozwald.model.log import LogMessage, LogSource, StreamName
from ozwald.model.plan import InstanceKey
from ozwald.state.home import DataFolder

MAX_BYTES: Final = 1024 * 1024
GAP_TEXT: Final = b"(ozwald: lines were left out here)\n"
_CODES: Final[dict[StreamName, bytes]] = {"stdout": b"1", "stderr": b"2"}
_STREAMS: Final[dict[bytes, StreamName]] = {code: stream for stream, code in _CODES.items()}


class ServiceLogs:
    """One process writes, by any of its threads; any process reads.

    A file has a line for each message, behind a line that says which container the following ones are of. Who is
    killed while writing leaves a line without its end, which does not count.
    """

    def __init__(self, home: DataFolder, *, max_bytes: int = MAX_BYTES) -> None:
        self._home = home
        self._half = max_bytes // 2
        self._lock = threading.Lock()
        self._last: dict[InstanceKey, LogSource] = {}

    def append(self, key: InstanceKey, messages: Iterable[LogMessage], *, after_gap: bool = False) -> int:
        """Adds messages of one container and returns how many bytes that took; `after_gap` when some were left out.

        Raises:
            StateError: they cannot be written.
        """
        messages = list(messages)
        if not messages:
            return 0
        source, lines = messages[0].source, b"".join(map(_line, messages))
        if after_gap:
            lines = _line(LogMessage(messages[0].at_ns, "stderr", GAP_TEXT, source), is_gap=True) + lines
        with self._lock:
            self._write(key, source, _newest(lines, self._half))
        return len(lines)

    def read(self, key: InstanceKey) -> list[LogMessage] | None:
        """All messages that are kept of an instance, oldest first, or None when none ever were.

        Raises:
            StateError: a file cannot be read.
        """
        contents = [content for content in map(_content, self._paths(key)) if content is not None]
        return [message for content in contents for message, _ in _messages(content)] if contents else None

    def position(self, key: InstanceKey, container_id: str) -> tuple[int, int]:
        """The latest moment that is kept of a container, and how many of its messages have it; zeros for none."""
        at_ns = count = 0
        for path in self._paths(key):
            for message, is_gap in _messages(_content(path) or b""):
                if message.source.container_id == container_id and not is_gap and message.at_ns >= at_ns:
                    count = count + 1 if message.at_ns == at_ns else 1
                    at_ns = message.at_ns
        return at_ns, count

    def _paths(self, key: InstanceKey) -> tuple[Path, Path]:
        """The older file and the one that is written."""
        folder, name = self._home.path / "logs" / "services", f"{key.realm}--{key.name}"
        # No instance has a name that makes the one of these the other's.
        return folder / f"{name}.log.old", folder / f"{name}.log"

    def _write(self, key: InstanceKey, source: LogSource, lines: bytes) -> None:
        older, path = self._paths(key)
        self._home.folder("logs", "services")
        try:
            if key not in self._last:
                _mend(path)
            size = path.stat().st_size if path.exists() else 0
            if size and size + len(lines) > self._half:
                os.replace(path, older)
                size = 0
            if not size or self._last.get(key) != source:
                lines = b"=" + json.dumps(asdict(source)).encode() + b"\n" + lines
            _append(path, lines)
            self._last[key] = source
        except OSError as err:
            self._last.pop(key, None)
            raise StateError(f"cannot write {path}: {err.strerror}") from err


def _line(message: LogMessage, *, is_gap: bool = False) -> bytes:
    end = b"~" if is_gap else b"." if message.content.endswith(b"\n") else b"+"
    return b"%d %b%b %b\n" % (message.at_ns, _CODES[message.stream], end, message.content.removesuffix(b"\n"))


def _newest(lines: bytes, most_bytes: int) -> bytes:
    """The last whole lines of at most so many bytes."""
    return lines if len(lines) <= most_bytes else lines[lines.index(b"\n", len(lines) - most_bytes - 1) + 1 :]


def _messages(content: bytes) -> Iterator[tuple[LogMessage, bool]]:
    """Each message, and whether it only says that others are missing; what is damaged is left out."""
    source = None
    for line in content.split(b"\n")[:-1]:
        if line.startswith(b"="):
            source = _source(line[1:])
            continue
        at, _, rest = line.partition(b" ")
        stream, end, text = _STREAMS.get(rest[:1]), rest[1:2], rest[3:]
        if source is not None and stream is not None and at.isdigit():
            newline = b"" if end == b"+" else b"\n"
            yield LogMessage(int(at), stream, text + newline, source), end == b"~"


def _source(text: bytes) -> LogSource | None:
    try:
        return LogSource(**json.loads(text))
    except (ValueError, TypeError):
        return None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as err:
        raise StateError(f"cannot read {path}: {err.strerror}") from err


def _append(path: Path, lines: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "ab", buffering=0) as file:
        left = memoryview(lines)
        while left:
            left = left[file.write(left) :]


def _mend(path: Path) -> None:
    """Cuts off a line that a killed process has left without its end."""
    content = _content(path)
    if content and not content.endswith(b"\n"):
        os.truncate(path, content.rfind(b"\n") + 1)
