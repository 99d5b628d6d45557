"""Carries out one operation: create, start, restart, replace with a way back, stop."""

from dataclasses import dataclass

from ozwald.errors import Failure, HostError
from ozwald.execution.health import Interrupted
from ozwald.execution.instance import Instance, LaunchFailed
from ozwald.execution.needs import furnish, need_networks, prepare
from ozwald.model.active import Status
from ozwald.model.container import ContainerState, ObservedContainer, leftover_name
from ozwald.model.plan import Action
from ozwald.planning.status import status_of


@dataclass(frozen=True, slots=True, kw_only=True)
class _WayBack:
    """The container that serves again if its successor fails; `start` unless it did not run before.

    `successor_runs` when that one was found running, so that it may well be available.
    """

    container_id: str
    start: bool
    successor_runs: bool = False


def launch(instance: Instance) -> None:
    """Carries out the instance's operation.

    Raises:
        LaunchFailed: the container could not be brought up; what was there before is back.
        HostError: the engine failed or the connection broke.
        Interrupted: the user asked to stop; what was there before is back.
    """
    operation = instance.operation
    match operation.action:
        case Action.STOP:
            _stop(instance, operation.container_id or "")
        case Action.CREATE:
            _create(instance)
        case Action.REPLACE:
            _replace(instance, operation.container_id or "")
        case Action.START:
            instance.update(operation.container_id or "")
            _start_again(instance, operation.container_id or "")
        case Action.UPDATE:
            instance.update(operation.container_id or "")
        case Action.RESTART:
            _restart(instance, operation.container_id or "")


def _stop(instance: Instance, container_id: str) -> None:
    instance.stop(container_id)
    instance.engine.remove(container_id)
    instance.tell("stopped and removed")


def _restart(instance: Instance, container_id: str) -> None:
    instance.update(container_id)
    instance.stop(container_id)
    instance.tell("stopped")
    instance.start(container_id)
    instance.wait(container_id)


def _create(instance: Instance) -> None:
    prepare(instance)
    container_id = instance.create()
    try:
        furnish(instance, container_id)
        instance.start(container_id)
        instance.wait(container_id)
    except Interrupted:
        if not instance.keeps_started:
            instance.remove(container_id)
        raise


def _start_again(instance: Instance, container_id: str) -> None:
    """Starts what is there already; a kill may have left it out of a network or its predecessor running."""
    need_networks(instance)
    old = instance.operation.leftovers
    if old:
        runs = _serves(instance.engine.state(container_id))
        way_back = _WayBack(container_id=_best(instance, old), start=True, successor_runs=runs)
        _change_over(instance, old, container_id, way_back)
        return
    state = instance.engine.state(container_id)
    if state is not None and state.restarting:
        # The engine waits longer before each restart; this begins anew.
        instance.stop(container_id)
    elif state is not None and state.health == "unhealthy" and instance.placement.spec.is_restarted:
        instance.tell_findings(container_id)
        instance.stop(container_id)
        instance.tell("stopped, as its healthcheck says unhealthy")
    try:
        furnish(instance, container_id)
        instance.start(container_id)
    except LaunchFailed as failed:
        if not _misses_its_network(failed):
            raise
        _replace(instance, container_id)
        return
    instance.wait(container_id)


def _replace(instance: Instance, container_id: str) -> None:
    prepare(instance)
    old = next((found for found in instance.engine.list_containers() if found.id == container_id), None)
    # An interrupted replacement has freed the instance's name already.
    is_aside = old is not None and old.name == leftover_name(instance.name, container_id)
    way_back = _way_back(instance, container_id, old, is_fresh=not is_aside and not instance.operation.leftovers)
    if not is_aside:
        _set_aside(instance, container_id)
    _change_over(instance, (container_id, *instance.operation.leftovers), None, way_back)


def _set_aside(instance: Instance, container_id: str) -> None:
    state = instance.engine.state(container_id)
    if state is not None and state.restarting:
        # Between two restarts it has no network sandbox, without which Docker refuses to rename it.
        instance.stop(container_id)
    instance.engine.rename(container_id, leftover_name(instance.name, container_id))


def _way_back(instance: Instance, container_id: str, listed: ObservedContainer | None, *, is_fresh: bool) -> _WayBack:
    """Which container to go back to when a replacement fails.

    A leftover is there mostly because its successor never proved itself: then it comes before that one.
    """
    leftovers = instance.operation.leftovers
    if is_fresh:
        return _WayBack(container_id=container_id, start=_serves(instance.engine.state(container_id)))
    has_proved = listed is not None and status_of(listed) is Status.AVAILABLE
    back = container_id if has_proved or not leftovers else _best(instance, leftovers)
    return _WayBack(container_id=back, start=True)


def _best(instance: Instance, leftovers: tuple[str, ...]) -> str:
    """One that still runs before one that was stopped."""
    return next((name for name in leftovers if _serves(instance.engine.state(name))), leftovers[0])


def _serves(state: ContainerState | None) -> bool:
    """Docker calls a container running also while it waits between restarts."""
    return state is not None and state.running and not state.restarting


def _change_over(instance: Instance, old: tuple[str, ...], new: str | None, way_back: _WayBack) -> None:
    """Keeps the old containers, set aside and stopped, until the new one is available.

    What an engine's error leaves of a new container that ran before is for the next look: it may well be
    available. So is everything after a failure whose effect is not known.
    """
    may_serve = new is not None and way_back.successor_runs
    try:
        new = new or instance.create()
        furnish(instance, new)
        for container_id in old:
            instance.stop(container_id)
        instance.tell("stopped the old container")
        instance.start(new)
        instance.wait(new)
    except HostError as error:
        if error.failure is not Failure.UNKNOWN and not may_serve:
            _go_back(instance, (new, *old), way_back, reason=error.message)
        raise
    except Exception as error:
        _go_back(instance, (new, *old), way_back, reason=str(error))
        raise
    for container_id in old:
        instance.remove(container_id)


def _go_back(instance: Instance, containers: tuple[str | None, ...], way_back: _WayBack, *, reason: str) -> None:
    """Puts the old container back; it runs before it gets its name, so that a kill in between is recognised."""
    engine, back = instance.engine, way_back.container_id
    new, *old = containers
    others = [container_id for container_id in old if container_id is not None and container_id != back]
    try:
        if new is not None:
            engine.remove(new, force=True)
        for container_id in others:
            instance.stop(container_id)
        if way_back.start:
            engine.start(back)
        engine.rename(back, instance.name)
        for container_id in others:
            engine.remove(container_id, force=True)
    except HostError as error:
        raise LaunchFailed(f"{reason}; and going back failed: {error.message}; apply again") from error
    instance.tell("went back to the old container")


def _misses_its_network(failed: LaunchFailed) -> bool:
    """Whether the engine cannot start a container because a network of it was removed."""
    error = failed.__cause__
    return isinstance(error, HostError) and "network" in error.message and "not found" in error.message
