"""Removes what nobody uses: with this process's own hands, or by asking the controller that keeps the hosts."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Protocol

from ozwald.cli.controllers import live_controller
from ozwald.cli.output import warn
from ozwald.cli.prune_text import Found, Swept, with_any
from ozwald.cli.workspace import Workspace
from ozwald.client import Client, Prune
from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.belonging_document import read_removal
from ozwald.model.belongings import Belonging, Removal
from ozwald.model.host import Host

if TYPE_CHECKING:
    from ozwald.remote.connection import HostConnection
    from ozwald.remote.fleet import Fleet, HostResults

LOOK_EVERY_S: Final = 0.1


class Sweeper(Protocol):
    """Looks at hosts for what may go, and removes what that look has found."""

    def look(self) -> "HostResults[tuple[Belonging, ...]]":
        """What may go, and which hosts could not be looked at."""
        ...

    def sweep(self, found: Found) -> Swept:
        """What became of each."""
        ...


@contextmanager
def sweeper(workspace: Workspace, limit: str | None, *, volumes: bool, wait_s: float) -> Iterator[Sweeper]:
    """The controller's where one is alive; raises NoController where that is not known."""
    hosts = workspace.hosts(limit)
    with live_controller(workspace) as controller:
        if controller is not None:
            yield _Asked(controller.client, limit, volumes=volumes, wait_s=wait_s or None)
            return
    with workspace.fleet(begin=hosts) as fleet:
        yield _OwnHands(workspace, fleet, hosts, volumes=volumes, wait_s=wait_s)


class _OwnHands:
    def __init__(
        self, workspace: Workspace, fleet: "Fleet", hosts: Mapping[str, Host], *, volumes: bool, wait_s: float
    ) -> None:
        self._home, self._fleet, self._hosts = workspace.home, fleet, hosts
        self._controller = workspace.home.controller_id()
        self._volumes, self._wait_s = volumes, wait_s

    def look(self) -> "HostResults[tuple[Belonging, ...]]":
        from ozwald.execution.sweep import sweepable

        return self._fleet.map(
            self._hosts.values(),
            lambda link: sweepable(link.engine(), controller=self._controller, with_written=self._volumes),
        )

    def sweep(self, found: Found) -> Swept:
        """Locks hosts only now, so that nobody waits for an answer; each thing is looked at again before it goes."""
        from ozwald.execution.sweep import sweep

        def remove(link: "HostConnection") -> tuple[Removal, ...]:
            planned = tuple(found[link.host.name])
            return sweep(link.engine(), planned, controller=self._controller, with_written=self._volumes)

        with self._home.changing(with_any(found), wait_s=self._wait_s, on_wait=warn):
            done = self._fleet.map([self._hosts[name] for name in with_any(found)], remove)
        lost = {
            host: tuple(Removal(belonging=one, error=error.message) for one in found[host])
            for host, error in done.failures.items()
        }
        return {**done.values, **lost}


class _Asked:
    def __init__(self, client: Client, limit: str | None, *, volumes: bool, wait_s: float | None) -> None:
        self._client, self._limit, self._volumes, self._wait_s = client, limit, volumes, wait_s
        self._planned = ""

    def look(self) -> "HostResults[tuple[Belonging, ...]]":
        from ozwald.remote.fleet import HostResults

        self._planned = self._client.prune(self._limit, volumes=self._volumes, dry_run=True)
        ended = self._ended(self._planned)
        silent = {
            host: ConnectionFailed(host, why, failure=Failure.RETRYABLE) for host, why in ended["unreachable"].items()
        }
        found = {host: tuple(one.belonging for one in ones) for host, ones in _by_host(ended).items()}
        return HostResults(values={host: ones for host, ones in found.items() if host not in silent}, failures=silent)

    def sweep(self, found: Found) -> Swept:
        """It goes on when this command is interrupted."""
        ended = self._ended(self._client.prune(plan=self._planned, wait_s=self._wait_s))
        return {host: ones for host, ones in _by_host(ended).items() if ones}

    def _ended(self, prune_id: str) -> Prune:
        told: set[str] = set()
        while (prune := self._client.prune_state(prune_id))["status"] != "ended":
            for host, why in prune["waiting"].items():
                if host not in told:
                    warn(f"{host}: waits {why}")
                    told.add(host)
            time.sleep(LOOK_EVERY_S)
        return prune


def _by_host(prune: Prune) -> dict[str, tuple[Removal, ...]]:
    return {
        host: tuple(read_removal(one) for one in prune["removals"] if one["host"] == host) for host in prune["hosts"]
    }
