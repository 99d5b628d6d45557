"""The error family: one base, an exit code and an HTTP status per kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class OzwaldError(Exception):
    """Anything Ozwald refuses or fails to do; the text says what to do next."""

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500


class RequestError(OzwaldError):
    """The request cannot be carried out as written: a wrong name, pattern or option."""

    exit_code = 2
    http_status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with a file: where it stands, which key, and what to do about it.

    `line` and `column` count from 1; 0 means that the file as a whole is meant.
    """

    file: str
    line: int = 0
    column: int = 0
    path: str = ""
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class SettingsError(RequestError):
    """Settings or inventory are wrong; carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


class Failure(StrEnum):
    """What a failed remote call permits: try again, give up, or look again before anything else."""

    RETRYABLE = "retryable"
    TERMINAL = "terminal"
    UNKNOWN = "unknown"


class HostError(OzwaldError):
    """A call to one host failed; `message` says what was tried, what came back and what to do."""

    http_status = 502

    def __init__(self, host: str, message: str, *, failure: Failure) -> None:
        super().__init__(f"{host}: {message}")
        self.host = host
        self.message = message
        self.failure = failure


class ConnectionFailed(HostError):
    """The host could not be reached, or it refused or lost the connection."""


class HostKeyError(ConnectionFailed):
    """The host's key is unknown or is not the recorded one."""

    def __init__(self, host: str, message: str) -> None:
        super().__init__(host, message, failure=Failure.TERMINAL)


class EngineError(HostError):
    """The host's Docker Engine answered with an error; `status` is its HTTP status, if it gave one."""

    def __init__(self, host: str, message: str, *, failure: Failure, status: int | None = None) -> None:
        super().__init__(host, message, failure=failure)
        self.status = status


class NothingReachable(OzwaldError):
    """None of the hosts that were asked could be reached; `failures` is keyed by host name."""

    exit_code = 3
    http_status = 502

    def __init__(self, failures: Mapping[str, HostError]) -> None:
        super().__init__("no host could be reached:\n" + "\n".join(f"  {error}" for error in failures.values()))
        self.failures = dict(failures)


class StateError(OzwaldError):
    """The data folder, the cache or a lease is unavailable."""

    exit_code = 5
    http_status = 503
