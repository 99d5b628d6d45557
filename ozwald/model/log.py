"""What a service wrote, as it is kept: messages of an engine's log, and the container that each is of."""

from dataclasses import dataclass
from typing import Literal

StreamName = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSource:
    """The container that an instance had, its host, and what it ran."""

    container_id: str
    host: str
    service: str = ""
    variety: str | None = None
    profile: str | None = None


@dataclass(frozen=True, slots=True)
class LogMessage:
    """One message: a line with its newline, or a part of a long line without.

    `at_ns` is when the engine took it, in nanoseconds since the epoch.
    """

    at_ns: int
    stream: StreamName
    content: bytes
    source: LogSource
