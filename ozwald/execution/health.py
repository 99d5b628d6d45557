"""Waits until a started container is available, and tells a slow start from one that has stalled."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from ozwald.model.container import ContainerState
from ozwald.remote.engine import Activity, Engine


class StartFailed(Exception):  # noqa: N818 - an outcome of waiting, translated by its only caller
    """The container will not become available; the text says why."""


class Interrupted(Exception):  # noqa: N818 - likewise
    """The user asked to stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a start may take, all in seconds.

    `settle_s` is how long a container without a healthcheck has to run; `stall_s` how long nothing may move: no
    new log bytes, disk reads, CPU time or health change; `timeout_s` is the cap.
    """

    settle_s: float = 3.0
    stall_s: float = 120.0
    timeout_s: float = 3600.0
    poll_s: float = 0.2
    activity_s: float = 5.0
    max_restarts: int = 3


class Verdict(StrEnum):
    """What one look at a starting container says."""

    WAIT = "wait"
    AVAILABLE = "available"


def judge(state: ContainerState | None, *, running_s: float, patience: Patience) -> Verdict:
    """Decides from one look; `running_s` is how long it has been running without a restart.

    Raises:
        StartFailed: it exited, is unhealthy, is gone or keeps restarting.
    """
    if state is None:
        raise StartFailed("the container was removed while it started")
    if state.restart_count >= patience.max_restarts:
        raise StartFailed(f"it keeps exiting ({_exit(state)}, restarted {state.restart_count} times)")
    if not state.running and not state.restarting:
        raise StartFailed(f"it ended during its start ({_exit(state)})")
    if state.health == "unhealthy":
        raise StartFailed("its healthcheck says unhealthy")
    if state.health == "healthy":
        return Verdict.AVAILABLE
    if state.health is None and state.running and running_s >= patience.settle_s:
        return Verdict.AVAILABLE
    return Verdict.WAIT


def wait_until_available(
    engine: Engine,
    container_id: str,
    *,
    patience: Patience,
    stop: threading.Event,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Returns once the container is available.

    Raises:
        StartFailed: it failed, stalled or took too long.
        Interrupted: `stop` was set.
        HostError: the engine could not be asked.
    """
    begun = settled_since = moved_at = looked_at = now()
    seen: tuple[object, ...] = ()
    activity: Activity | None = None
    restarts = 0
    while True:
        state = engine.state(container_id)
        moment = now()
        if state is not None and (not state.running or state.restart_count != restarts):
            settled_since, restarts = moment, state.restart_count
        if judge(state, running_s=moment - settled_since, patience=patience) is Verdict.AVAILABLE:
            return
        if moment - looked_at >= patience.activity_s:
            activity, looked_at = engine.activity(container_id), moment
        if (moving := (state and state.health, state and state.health_output, restarts, activity)) != seen:
            seen, moved_at = moving, moment
        if moment - moved_at >= patience.stall_s:
            raise StartFailed(f"nothing has moved for {patience.stall_s:.0f} s: no log, disk read, CPU or health change")
        if moment - begun >= patience.timeout_s:
            raise StartFailed(f"it was not available after {patience.timeout_s:.0f} s")
        if stop.wait(patience.poll_s):
            raise Interrupted


def _exit(state: ContainerState) -> str:
    if state.oom_killed:
        return "out of memory"
    if state.error:
        return state.error
    return f"exit code {state.exit_code}"
