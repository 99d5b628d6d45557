"""A sampler that replays samples; `tests/remote/test_sampler.py` holds the real one to the same behaviour."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from types import TracebackType
from typing import Self

from ozwald.errors import ConnectionFailed, Failure, HostError
from ozwald.model.sample import Sample
from ozwald.remote.sampler import SILENT_S


class FakeSampler:
    """See `ozwald.remote.sampler.Sampler`.

    Each read gives the next sample at once, with those of its containers that are watched. `samples` may go on for
    ever; when they end, or after `fail`, reading raises. `watched` is what is watched now: pids by container id.
    """

    def __init__(self, samples: Iterable[Sample] = (), *, host_name: str = "box1") -> None:
        self.host_name = host_name
        self.watched: dict[str, int] = {}
        self.is_closed = False
        self._samples = iter(samples)
        self._error: HostError = self._lost("no sample came any more")

    def add(self, *samples: Sample) -> None:
        """More samples behind those that are there."""
        self._samples = itertools.chain(self._samples, samples)

    def fail(self, error: HostError | None = None) -> None:
        """The link is lost: no more samples."""
        self._samples = iter(())
        self._error = error or self._lost("the connection is lost")

    def watch(self, container_id: str, pid: int) -> None:
        self.watched[container_id] = pid

    def unwatch(self, container_id: str) -> None:
        self.watched.pop(container_id, None)

    def read(self, timeout_s: float = SILENT_S) -> Sample:
        if self.is_closed:
            raise self._lost("the sampler is closed")
        sample = next(self._samples, None)
        if sample is None:
            raise self._error
        seen = {name: one for name, one in sample.containers.items() if name in self.watched}
        return replace(sample, containers=seen)

    def close(self) -> None:
        self.is_closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _lost(self, why: str) -> ConnectionFailed:
        return ConnectionFailed(self.host_name, why, failure=Failure.RETRYABLE)
