"""Pure: samples from the lines that the sampler's script prints, whatever else comes between them."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from ozwald.model.sample import ContainerSample, HostSample, Sample
from ozwald.remote.card_samples import CardReader
from ozwald.remote.text import clean

LONGEST_LINE: Final = 4096
COUNT: Final = re.compile(r"[0-9]{1,18}")
SECONDS: Final = re.compile(r"[0-9]{1,12}\.[0-9]{1,6}")
JIFFY_NS: Final = 10_000_000  # what /proc/stat counts in, on every machine that has Docker
KIB: Final = 1024
COMPLAINT: Final = 160


class SampleReader:
    """Takes the script's output piece by piece; `container_of` knows the ids of the numbers that are watched.

    What is no line of the script changes nothing, a number that is none is None. `complaint` is the last of the lines
    before the script announced itself: what a shell says that cannot run it.
    """

    def __init__(self, mark: str, container_of: Callable[[str], str | None]) -> None:
        self.is_begun = False
        self.complaint = ""
        self._announced = f"ozwald-sampler {mark}"
        self._container_of = container_of
        self._unread = b""
        self._at_s: float | None = None
        self._last_s = 0.0
        self._containers: dict[str, ContainerSample] = {}
        self._host: HostSample | None = None
        self._cards = CardReader()

    def feed(self, content: bytes) -> Iterator[Sample]:
        """The samples that are complete with this piece."""
        *lines, rest = (self._unread + content).split(b"\n")
        self._unread = rest[: LONGEST_LINE + 1]  # cut, it is still known to be too long
        for raw in lines:
            if len(raw) > LONGEST_LINE:
                continue
            line = raw.decode("utf-8", "replace")
            if not self.is_begun:
                self._wait_for_the_script(line)
            elif (sample := self._read(line)) is not None:
                yield sample

    def _wait_for_the_script(self, line: str) -> None:
        self.is_begun = line == self._announced
        self.complaint = clean(line, limit=COMPLAINT) or self.complaint

    def _read(self, line: str) -> Sample | None:
        kind, _, rest = line.partition(" ")
        match kind:
            case "tick":
                self._begin(rest)
            case "c" if self._at_s is not None:
                number, *facts = rest.split()[:16] or [""]
                if (name := self._container_of(number)) is not None:
                    self._containers[name] = _container(_counts(facts))
            case "host" if self._at_s is not None:
                self._host = _host(_counts(rest.split()[:16]))
            case "end" if self._at_s is not None:
                return self._complete(self._at_s)
            case "node" | "amd" | "nvidia":
                self._cards.read(kind, rest)
        return None

    def _begin(self, text: str) -> None:
        self._containers, self._host = {}, None
        at_s = float(text) if SECONDS.fullmatch(text) else None
        self._at_s = at_s if at_s is not None and at_s >= self._last_s else None

    def _complete(self, at_s: float) -> Sample:
        self._last_s, self._at_s = at_s, None
        return Sample(at_s=at_s, containers=self._containers, cards=self._cards.take(), host=self._host)


def _counts(words: list[str]) -> Mapping[str, int]:
    pairs = (word.partition("=") for word in words)
    return {name: int(value) for name, _, value in pairs if COUNT.fullmatch(value)}


def _container(counts: Mapping[str, int]) -> ContainerSample:
    anonymous, files, shared = (counts.get(name) for name in ("anon", "file", "shmem"))
    return ContainerSample(
        cpu_ns=counts.get("cpu"),
        memory_bytes=None if anonymous is None or shared is None else anonymous + shared,
        # Shared memory is counted among the files.
        cache_bytes=None if files is None or shared is None else max(0, files - shared),
        kernel_peak_bytes=counts.get("peak"),
        read_bytes=counts.get("read"),
        write_bytes=counts.get("write"),
        pids=counts.get("pids"),
    )


def _host(counts: Mapping[str, int]) -> HostSample:
    busy, available = counts.get("busy"), counts.get("available")
    return HostSample(
        busy_ns=None if busy is None else busy * JIFFY_NS,
        memory_available_bytes=None if available is None else available * KIB,
    )
