"""Looks at what Ozwald has on hosts besides running services, and removes what nobody needs."""

import logging
import time
from collections.abc import Callable, Iterable

from ozwald.errors import EngineError, HostError
from ozwald.model.belongings import Belonging, Kind, Removal, Survey
from ozwald.planning.belongings import belongings, locks, prunable
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Engine
from ozwald.remote.remnants import remnants

log = logging.getLogger(__name__)


def survey(engine: Engine, *, measured: bool = False) -> Survey:
    """What an engine has; `measured` counts what volumes hold, which may take a minute. Raises HostError."""
    volumes = engine.volumes()
    return Survey(
        containers=engine.list_containers(),
        networks=engine.networks(),
        volumes=volumes,
        sizes=_sizes(engine) if measured and volumes else {},
    )


def everything(connection: HostConnection) -> tuple[Belonging, ...]:
    """All that is Ozwald's on a host, of whichever controller; raises HostError."""
    return (*belongings(survey(connection.engine(), measured=True)), *remnants(connection))


def sweepable(engine: Engine, *, controller: str, with_written: bool = False) -> tuple[Belonging, ...]:
    """What `prunable` says of an engine as it is now; raises HostError."""
    seen = survey(engine, measured=with_written)
    return prunable(seen, controller=controller, now=time.time(), with_written=with_written)


def sweep(
    engine: Engine,
    planned: tuple[Belonging, ...],
    *,
    controller: str,
    with_written: bool = False,
    now: Callable[[], float] = time.time,
    goes_on: Callable[[], bool] = lambda: True,
) -> tuple[Removal, ...]:
    """Removes what was planned, each after another look: what is used or is not the same any more stays.

    `goes_on` is asked before each: once it says no, the rest stays.

    Raises:
        HostError: the host could not be asked at first; later failures are in the results.
    """

    def remove(belonging: Belonging) -> Removal:
        seen = survey(engine)
        still = prunable(seen, controller=controller, now=now(), with_written=with_written)
        if _identity(belonging) not in map(_identity, still) or locks(belonging, seen, controller=controller):
            return Removal(belonging=belonging, error="it is used or is another one now; look again")
        _remove(engine, belonging)
        return Removal(belonging=belonging)

    results: list[Removal] = []
    for belonging in planned:
        if not goes_on():
            return (*results, *_left(planned[len(results) :], "interrupted before it was removed"))
        try:
            results.append(remove(belonging))
        except EngineError as error:
            results.append(Removal(belonging=belonging, error=error.message))
        except HostError as error:
            return (*results, *_left(planned[len(results) :], error.message))
    return tuple(results)


def _left(belongings: Iterable[Belonging], error: str) -> list[Removal]:
    return [Removal(belonging=one, error=error) for one in belongings]


def _sizes(engine: Engine) -> dict[str, int]:
    """An engine that cannot count is no reason to tell nothing."""
    try:
        return dict(engine.volume_sizes())
    except EngineError as error:
        log.warning("%s", error)
        return {}


def _identity(belonging: Belonging) -> tuple[object, ...]:
    """A volume has no id, so the time it was made tells it from another of its name."""
    return (belonging.kind, belonging.id, belonging.name, belonging.created_at, belonging.owner)


def _remove(engine: Engine, belonging: Belonging) -> None:
    match belonging.kind:
        case Kind.CONTAINER:
            engine.remove(belonging.id)
        case Kind.VOLUME:
            engine.remove_volume(belonging.id)
        case Kind.NETWORK:
            engine.remove_network(belonging.id)
        case kind:
            raise ValueError(f"a {kind} is not swept")
