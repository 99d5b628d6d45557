"""The services that the settings always want, whatever else is asked for."""

from collections.abc import Mapping
from dataclasses import asdict

from ozwald.errors import Problem, RequestError, SettingsError
from ozwald.model.host import Inventory
from ozwald.model.realm import PersistentService, Realm
from ozwald.model.request import InstanceRequest
from ozwald.planning.names import complete_request, parse_instance
from ozwald.planning.patterns import select


def persistent_requests(realms: Mapping[str, Realm], inventory: Inventory) -> tuple[InstanceRequest, ...]:
    """What `persistent-services` of all realms ask for.

    Raises:
        SettingsError: one names what is not known, or stands twice; every problem with its place.
    """
    requests: dict[tuple[str, str], InstanceRequest] = {}
    problems = []
    for realm in realms.values():
        for entry in realm.persistent:
            try:
                request = _request(entry, realm, inventory)
                if (request.realm, request.name) in requests:
                    raise RequestError(f"the instance {request.name!r} stands twice; give each a name of its own")
                requests[request.realm, request.name] = request
            except RequestError as error:
                problems.append(_problem(entry, str(error)))
    if problems:
        raise SettingsError(problems)
    return tuple(requests.values())


def _request(entry: PersistentService, realm: Realm, inventory: Inventory) -> InstanceRequest:
    """Only the realm that it stands in is known to it."""
    here = {realm.name: realm}
    written = entry.written
    request = parse_instance(written, here) if isinstance(written, str) else complete_request(here, **asdict(written))
    if request.host is not None:
        select(inventory, request.host)
    return request


def _problem(entry: PersistentService, message: str) -> Problem:
    place = entry.origin
    return Problem(file=place.file, line=place.line, column=place.column, path=entry.path, message=message)
