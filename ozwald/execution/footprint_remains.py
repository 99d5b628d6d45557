"""Removes what measuring runs have made on a host, right after a run or, when that was killed, by the next one."""

import logging
from collections.abc import Callable, Mapping

from ozwald.model.container import LABEL_CONTROLLER, LABEL_FOOTPRINT
from ozwald.remote.engine import Engine

log = logging.getLogger(__name__)


def remove_remains(engine: Engine, *, controller: str, is_over: Callable[[str], bool]) -> list[str]:
    """Removes all that runs of this controller have made that are over, and names it.

    What a run makes has a name of its own, so nobody else can have come to use it.

    Raises:
        HostError: the engine failed; what is left is for the next try.
    """

    def is_left(labels: Mapping[str, str]) -> bool:
        run_id = labels.get(LABEL_FOOTPRINT)
        return run_id is not None and labels.get(LABEL_CONTROLLER) == controller and is_over(run_id)

    containers = [one for one in engine.list_containers() if is_left(one.labels)]
    for container in containers:
        engine.remove(container.id, force=True, volumes=True)
    volumes = [one for one in engine.volumes() if is_left(one.labels)]
    for volume in volumes:
        engine.remove_volume(volume.name)
    networks = [one for one in engine.networks() if is_left(one.labels)]
    for network in networks:
        engine.remove_network(network.id)
    names = [*(one.name for one in containers), *(one.name for one in volumes), *(one.name for one in networks)]
    if names:
        log.info("%s: removed %s", engine.host_name, ", ".join(names))
    return names
