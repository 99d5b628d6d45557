"""Waits until a started container is available, and tells a slow start from one that has stalled."""

import threading
from dataclasses import dataclass

from ozwald.execution.clock import MONOTONIC, Clock
from ozwald.model.container import ContainerState
from ozwald.planning.status import unhealthy
from ozwald.remote.engine import Engine

# Less than this share of a core is what a process takes that only waits.
IDLE_CORES = 0.02


class StartFailed(Exception):
    """The container will not become available; the text says why."""


class Interrupted(Exception):
    """The user asked to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a start may take, all in seconds.

    `settle_s` is how long a container without a healthcheck has to run; `stall_s` how long nothing may move: no
    new log bytes, disk reads, CPU time or health change; `timeout_s` is the cap. `port_s` is how long it waits for a
    port that another container gives up.
    """

    settle_s: float = 3.0
    stall_s: float = 120.0
    timeout_s: float = 3600.0
    poll_s: float = 0.2
    activity_s: float = 5.0
    max_restarts: int = 3
    port_s: float = 10.0


def is_available(state: ContainerState | None, *, running_s: float, restarts: int, patience: Patience) -> bool:
    """Decides from one look; `running_s` is how long it has run without a restart, `restarts` how many there were.

    Raises:
        StartFailed: it exited, is unhealthy, is gone or keeps restarting.
    """
    if state is None:
        raise StartFailed("the container was removed while it started")
    if restarts >= patience.max_restarts:
        raise StartFailed(f"it keeps exiting ({_exit(state)}, restarted {restarts} times)")
    if not state.running and not state.restarting:
        raise StartFailed(f"it ended during its start ({_exit(state)})")
    if state.health == "unhealthy":
        raise StartFailed(unhealthy(state.health_output))
    if state.health == "healthy":
        return True
    return state.health is None and state.running and not state.restarting and running_s >= patience.settle_s


def wait_until_available(
    engine: Engine,
    container_id: str,
    *,
    patience: Patience,
    stop: threading.Event,
    clock: Clock = MONOTONIC,
) -> None:
    """Returns once the container is available.

    Raises:
        StartFailed: it failed, stalled or took too long.
        Interrupted: `stop` was set.
        HostError: the engine could not be asked.
    """
    begun = settled_since = clock.now()
    progress = _Progress(engine, container_id, patience, begun)
    before = count = _restarts(engine.state(container_id))
    while True:
        state = engine.state(container_id)
        moment = clock.now()
        if not _runs_on(state, count):
            settled_since, count = moment, _restarts(state)
        if is_available(state, running_s=moment - settled_since, restarts=count - before, patience=patience):
            return
        if progress.stalled_s(state, moment) >= patience.stall_s:
            raise StartFailed(f"nothing moved for {patience.stall_s:.0f} s: no log, disk read, CPU or health change")
        if moment - begun >= patience.timeout_s:
            raise StartFailed(f"it was not available after {patience.timeout_s:.0f} s")
        if clock.wait(stop, patience.poll_s):
            raise Interrupted


class _Progress:
    """Remembers when a starting container last moved."""

    def __init__(self, engine: Engine, container_id: str, patience: Patience, moment: float) -> None:
        self._engine = engine
        self._id = container_id
        self._patience = patience
        self._moved_at = self._looked_at = moment
        self._seen: tuple[object, ...] = ()
        self._cpu_s = 0.0

    def stalled_s(self, state: ContainerState | None, moment: float) -> float:
        """Seconds since something moved; log, disk and CPU are looked at every `activity_s`."""
        since = moment - self._looked_at
        if since >= self._patience.activity_s:
            activity = self._engine.activity(self._id)
            last_line = self._engine.logs(self._id, tail=1, timestamps=True)
            health = (state.health, state.health_output, state.restart_count) if state else None
            seen = (health, last_line, activity.read_bytes)
            is_busy = activity.cpu_s - self._cpu_s > IDLE_CORES * since
            if is_busy or seen != self._seen:
                self._moved_at = moment
            self._looked_at, self._seen, self._cpu_s = moment, seen, activity.cpu_s
        return moment - self._moved_at


def _restarts(state: ContainerState | None) -> int:
    return state.restart_count if state else 0


def _runs_on(state: ContainerState | None, restarts: int) -> bool:
    """Whether it has been running since the last look."""
    return state is not None and state.running and not state.restarting and state.restart_count == restarts


def _exit(state: ContainerState) -> str:
    if state.oom_killed:
        return "out of memory"
    if state.error:
        return state.error
    return f"exit code {state.exit_code}"
