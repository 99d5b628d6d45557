"""Footprints: what a service was measured to take, and the runs that measure it."""

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Combination:
    """What one run measures: a definition with one of its varieties and profiles; None where it has none."""

    realm: str
    service: str
    variety: str | None = None
    profile: str | None = None

    @property
    def words(self) -> str:
        """`service[variety][profile]`, as far as it has them."""
        return self.service + "".join(f"[{word}]" for word in (self.variety, self.profile) if word)

    def __str__(self) -> str:
        return self.words if self.realm == "default" else f"{self.realm}:{self.words}"


FootprintKey = tuple[Combination, str | None, tuple[str, ...]]


class Phase(StrEnum):
    """The parts of a run, in their order.

    `load` is from the container's start until it is available, `ready` the time at rest after that, `under-load` while
    the definition's script runs.
    """

    BASELINE = "baseline"
    PULL = "pull"
    START = "start"
    LOAD = "load"
    READY = "ready"
    UNDER_LOAD = "under-load"
    STOP = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """When a phase began, in seconds on the host's clock as its samples have it, and how long it took."""

    phase: Phase
    begun_at_s: float
    duration_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a service takes; `cpu_cores` is cores kept busy, `vram_bytes` None where no card told any."""

    cpu_cores: float
    memory_bytes: int
    vram_bytes: int | None = None


class VramSource(StrEnum):
    """How VRAM was told apart: per process, or as the difference of the whole card before and during the run."""

    PROCESSES = "processes"
    CARD_DIFFERENCE = "card-difference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Footprint:
    """One measured run, as the book keeps it.

    `usage` are the peaks, `steady` the medians at rest after the service was ready, `spread` the difference of the
    95th and the 5th percentile of the same time. `cards` are the models of the cards it was given, one for each.
    `cache_bytes` is the most page cache it had, `power_w` the most that its cards drew, `ready_after_s` how long it
    loaded, `gap_s` for how long of all that no sample was had. `measured_at` is seconds since the epoch. What is None
    was not known when it was written: older books have only the combination and the peaks.
    """

    combination: Combination
    usage: Usage
    host: str | None = None
    image: str | None = None
    image_digest: str | None = None
    image_bytes: int | None = None
    cards: tuple[str, ...] = ()
    driver: str | None = None
    steady: Usage | None = None
    spread: Usage | None = None
    vram_source: VramSource | None = None
    cache_bytes: int | None = None
    kernel_peak_bytes: int | None = None
    read_while_loading_bytes: int | None = None
    power_w: float | None = None
    ready_after_s: float | None = None
    samples: int | None = None
    gap_s: float | None = None
    phases: tuple[Span, ...] = ()
    measured_at: float | None = None
    script_exit_code: int | None = None

    @property
    def key(self) -> FootprintKey:
        """What a newer measurement has in common with the one it replaces."""
        return self.combination, self.host, self.cards


class RunStatus(StrEnum):
    """How far one run is; all but the first two are ends. What is skipped has its hardware nowhere."""

    QUEUED = "queued"
    RUNNING = "running"
    MEASURED = "measured"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def is_end(self) -> bool:
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One combination of a request on one kind of hardware; `reason` says why it failed, or what it waits for.

    `host` is None until one was chosen; times are seconds since the epoch. `card` is the model that it is to run on,
    None for the processor or while the hosts have not been looked at for it. With `if_possible` it is no failure when
    no host has its hardware. `attempts` counts how often it was begun.
    """

    combination: Combination
    card: str | None = None
    if_possible: bool = False
    attempts: int = 0
    host: str | None = None
    status: RunStatus = RunStatus.QUEUED
    phase: Phase | None = None
    reason: str = ""
    begun_at: float | None = None
    ended_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FootprintRequest:
    """What was asked for at once, first come first served.

    `hosts` is a pattern, None for all; `run_time_s` None is what each definition says. `is_spread` once there is a run
    for each model of card.
    """

    request_id: str
    asked_at: float
    author: str
    runs: tuple[Run, ...]
    hosts: str | None = None
    run_time_s: float | None = None
    is_cancelled: bool = False
    is_spread: bool = False

    @property
    def is_ended(self) -> bool:
        """Whether nothing more comes of it."""
        return all(run.status.is_end for run in self.runs)

    @property
    def status(self) -> RunStatus:
        """How all its runs together are; of those that have ended the worst counts."""
        statuses = {run.status for run in self.runs}
        if not self.is_ended:
            return RunStatus.QUEUED if statuses == {RunStatus.QUEUED} else RunStatus.RUNNING
        worst = (RunStatus.CANCELLED, RunStatus.FAILED, RunStatus.MEASURED)
        return next((status for status in worst if status in statuses), RunStatus.SKIPPED)
