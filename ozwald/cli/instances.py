"""Finds the containers of instances that the user named."""

from collections.abc import Sequence

from ozwald.cli.output import warn_unreachable
from ozwald.cli.workspace import Workspace
from ozwald.errors import OzwaldError, RequestError
from ozwald.execution.observe import observe_containers
from ozwald.model.active import ActiveService
from ozwald.model.host import Host
from ozwald.model.plan import InstanceKey
from ozwald.planning.active import active_services
from ozwald.planning.nearest import unknown
from ozwald.remote.fleet import Fleet
from ozwald.state.wanted import read_wanted, wanted_path


def find_containers(workspace: Workspace, fleet: Fleet, keys: Sequence[InstanceKey]) -> list[tuple[Host, str]]:
    """The host and the container's id of each instance, in the order asked for.

    Raises:
        RequestError: there is no such instance.
        OzwaldError: it has no container now.
    """
    wanted = read_wanted(wanted_path(workspace.home, workspace.provisioner.name))
    situation = observe_containers(
        fleet, workspace.settings.inventory, workspace.hosts(), controller=workspace.home.controller_id()
    )
    warn_unreachable(situation.unreachable)
    active = {service.key: service for service in active_services(wanted, situation)}
    found = []
    for key in keys:
        service = _find(key, active)
        if service.host is None or service.container_id is None:
            raise OzwaldError(f"{key} has no container: {service.reason}")
        found.append((situation.hosts[service.host], service.container_id))
    return found


def _find(key: InstanceKey, active: dict[InstanceKey, ActiveService]) -> ActiveService:
    if key not in active:
        raise RequestError(unknown("running instance", str(key), [str(known) for known in active]))
    return active[key]
