"""Reads the settings of a running controller again: the new ones count once all of them is right, else the former."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace

from ozwald.cli.assembly import Assembly
from ozwald.cli.workspace import Workspace
from ozwald.controller.process import Running, tell
from ozwald.errors import OzwaldError, RequestError
from ozwald.model.realm import Realm
from ozwald.model.wanted import WantedInstance, WantedSet
from ozwald.planning.names import check_choice, find_definition, find_realm

log = logging.getLogger(__name__)


class Reloading:
    """What a controller does on SIGHUP. `running` is told what came of it, for `ozwald reload` and `status`."""

    def __init__(self, parts: Assembly, running: Running) -> None:
        self._parts = parts
        self._workspace, self._charge, self._running = parts.workspace, parts.charge, running

    def reload(self) -> None:
        """Takes the new settings, or says why the former ones stay."""
        problem = ""
        try:
            self._take(self._read())
        except (OzwaldError, OSError) as error:
            problem = str(error)
            log.error("the former settings stay: %s", problem)
        self._parts.reporter.reloaded(str(self._workspace.config or "the settings"), problem)
        self._running = replace(self._running, reloads=self._running.reloads + 1, reload_problem=problem)
        tell(self._charge.home, self._charge.provisioner, self._running)

    def _read(self) -> Workspace:
        before = self._workspace
        fresh = Workspace(before.config, before.inventory, before.provisioner.name)
        if fresh.provisioner.cache != before.provisioner.cache:
            raise RequestError("the provisioner's cache: has changed: stop_provisioner and start_provisioner use it")
        check_carries(_asked_for(self._parts.desk.wanted()), fresh.settings.realms)
        return fresh

    def _take(self, fresh: Workspace) -> None:
        parts, hosts = self._parts, fresh.hosts()
        parts.locks.take(hosts)
        self._charge = replace(self._charge, settings=fresh.settings, hosts=hosts)
        self._workspace, parts.desk.settings = fresh, fresh.settings
        parts.measuring.take(self._charge)
        parts.loop.take(self._charge, on_taken=lambda: parts.locks.keep_only(hosts))
        log.info("the settings are read again: %d hosts", len(hosts))


def _asked_for(wanted: WantedSet | None) -> list[WantedInstance]:
    """What is persistent is as the new settings say."""
    return [one for one in wanted.instances if not one.persistent] if wanted else []


def check_carries(instances: Iterable[WantedInstance], realms: Mapping[str, Realm]) -> None:
    """Raises RequestError when something is wanted that these settings do not know."""
    for instance in instances:
        request = instance.request
        try:
            definition = find_definition(request.service, find_realm(request.realm, realms))
            check_choice(definition, variety=request.variety, profile=request.profile)
        except RequestError as error:
            raise RequestError(
                f"{instance.key} is wanted, but: {error}; take it away first: "
                f"ozwald update_services --remove {instance.key}"
            ) from error
