"""Takes a host's samples while a run measures there, and goes on after a lost connection."""

import logging
import threading
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self

from ozwald.errors import Failure, HostError, OzwaldError
from ozwald.footprint.course import Trace
from ozwald.footprint.measure import Meter
from ozwald.model.footprint import Combination, Footprint, Phase
from ozwald.remote.sampler import Sampler

log = logging.getLogger(__name__)

TRIES: Final = 5
BETWEEN_TRIES_S: Final = 1.0


class Recorder:
    """Reads samples in a thread of its own for as long as it is entered.

    `open_sampler` is called again when the link was lost; `on_gap` is told then. `failed` is set when no more comes.
    """

    def __init__(
        self, open_sampler: Callable[[], Sampler], *, card_ids: Iterable[str] = (), on_gap: Callable[[str], None]
    ) -> None:
        self._open = open_sampler
        self._on_gap = on_gap
        self._meter = Meter(card_ids)
        self._lock = threading.Lock()
        self._sampler: Sampler | None = None
        self._watched: tuple[str, int] | None = None
        self._error: OzwaldError | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        self._sampler = self._open()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._close()
        self._thread.join()
        self._close()  # it may have opened another one meanwhile

    def begin(self, phase: Phase) -> None:
        """Lets a phase begin now."""
        with self._lock:
            self._meter.begin(phase)

    def follow(self, container_id: str, pid: int) -> None:
        """Measures this container from now on."""
        with self._lock:
            self._watched = (container_id, pid)
            self._meter.follow(container_id)
            if self._sampler is not None:
                self._sampler.watch(container_id, pid)

    def check(self) -> None:
        """Raises HostError or Unmeasured where no more samples come."""
        if self._error is not None:
            raise self._error

    def result(self, combination: Combination) -> tuple[Footprint, Trace]:
        """What was measured, and how it went; raises Unmeasured."""
        with self._lock:
            return self._meter.footprint(combination), self._meter.trace()

    def _run(self) -> None:
        tries_left = TRIES
        while not self._ended.is_set():
            try:
                self._take_one()
                tries_left = TRIES
            except HostError as error:
                if self._ended.is_set():
                    return
                if error.failure is Failure.TERMINAL or not tries_left:
                    self._error = error
                    return
                tries_left -= 1
                self._go_on(error)
            except OzwaldError as error:
                self._error = error
                return

    def _take_one(self) -> None:
        sample = (self._sampler or self._opened_again()).read()
        with self._lock:
            self._meter.add(sample)

    def _go_on(self, error: HostError) -> None:
        """Notes the gap and tries again in a moment."""
        self._on_gap(error.message)
        self._close()
        self._ended.wait(BETWEEN_TRIES_S)

    def _close(self) -> None:
        with self._lock:
            sampler, self._sampler = self._sampler, None
        if sampler is not None:
            sampler.close()

    def _opened_again(self) -> Sampler:
        sampler = self._open()
        with self._lock:
            self._sampler = sampler
            if self._watched is not None:
                sampler.watch(*self._watched)
        return sampler
