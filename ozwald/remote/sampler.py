"""Samples of a host while it works: its containers, its cards and itself, over one channel."""

from types import TracebackType
from typing import Final, Protocol, Self

from ozwald.model.sample import Sample

RATE_HZ: Final = 10.0
CARDS_EVERY_S: Final = 1.0
SILENT_S: Final = 10.0


class Sampler(Protocol):
    """Reads a host at a steady rate until it is closed; any thread may use it.

    Samples that nobody has read wait, a minute's worth at most: then the oldest are dropped.
    """

    def watch(self, container_id: str, pid: int) -> None:
        """Adds a running container, by the host's number of its first process (`ContainerState.pid`)."""

    def unwatch(self, container_id: str) -> None:
        """Leaves a container out again; one that was not watched is fine."""

    def read(self, timeout_s: float = SILENT_S) -> Sample:
        """The oldest sample not read yet, as soon as there is one.

        Raises ConnectionFailed: RETRYABLE when the link is lost or no sample came in time, TERMINAL when the host
        cannot be sampled. Nothing on the host has changed, so another sampler may go on.
        """

    def close(self) -> None:
        """Ends the host's side; a thread that reads gets a ConnectionFailed."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...
