"""The parts of a provisioner's process, made and joined."""

import os
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from ozwald.api.app import Site, make_app
from ozwald.api.server import ApiServer
from ozwald.cli.who import author
from ozwald.cli.workspace import Workspace
from ozwald.controller.board import Board, View
from ozwald.controller.charge import Charge
from ozwald.controller.courier import Courier
from ozwald.controller.desk import Desk
from ozwald.controller.footprint_watch import FootprintWatch
from ozwald.controller.host_locks import HostLocks
from ozwald.controller.journal import Journal
from ozwald.controller.leadership import Leadership, Wakefulness
from ozwald.controller.log_keeper import LogKeeper
from ozwald.controller.loop import Loop
from ozwald.controller.observer import NOT_YET
from ozwald.controller.pruner import Pruner
from ozwald.controller.reporter import Reporter
from ozwald.controller.shared import Shared
from ozwald.controller.vitals import Vitals
from ozwald.errors import RequestError
from ozwald.model.host import Provisioner
from ozwald.remote.engine import Engine
from ozwald.state.cache import Cache
from ozwald.state.event_file import EventFile
from ozwald.state.footprint_logs import FootprintLogs
from ozwald.state.launch_logs import LaunchLogs
from ozwald.state.lease import candidate
from ozwald.state.records import Records
from ozwald.state.redis_keeper import RedisKeeper
from ozwald.state.redis_link import RedisLink
from ozwald.state.redis_server import EmbeddedRedis
from ozwald.state.service_logs import ServiceLogs

# SPEC.md's name for the Redis that the provisioner brings itself.
OWN_REDIS: Final = (None, "ozwald-provisioner-redis")


class Assembly:
    """Everything that lives as long as the process. What has to end with it is on `stack`, what was made last first.

    Only Redis and the connections to hosts begin to work when this is made.
    """

    def __init__(self, workspace: Workspace, stack: ExitStack, *, host: str, port: int, key: str) -> None:
        self.workspace = workspace
        self.url = f"http://{_shown(host)}:{port}"
        self.charge = _charge(workspace)
        self.locks = stack.enter_context(HostLocks(workspace.home))
        self.locks.take(self.charge.hosts)
        self._link = _link(workspace, stack)
        self.wakefulness = Wakefulness()
        self.leadership = Leadership(alone=_is_own(workspace.provisioner), wakefulness=self.wakefulness)
        self.fleet = stack.enter_context(workspace.fleet(begin=self.charge.hosts))
        self.journal = Journal(EventFile(workspace.home, workspace.provisioner.name))
        self.reporter = Reporter(self.journal)
        self.service_logs = ServiceLogs(workspace.home)
        self.log_keeper = LogKeeper(self.service_logs, self._engine)
        stack.callback(self.log_keeper.stop)
        self.board = self._board()
        self.courier = self._courier()
        self.loop = self._loop()
        self.desk = self._desk()
        self.measuring = self._measuring()
        self.pruner = self._pruner()
        self.vitals = Vitals(self.board, self.courier.problem, leadership=self.leadership)
        self.server = self._server(host, port, key)

    def _engine(self, host: str) -> Engine:
        return self.fleet.connection(self.desk.settings.inventory.hosts[host]).engine()

    def _board(self) -> Board:
        board = Board(self.reporter.seen, self.log_keeper.seen)
        board.publish(View(hosts=dict.fromkeys(self.charge.hosts, NOT_YET)))
        return board

    def _courier(self) -> Courier:
        me = candidate(self.charge.home.path, self.url)
        return Courier(
            Cache(self._link),
            self.leadership,
            me,
            self.charge.home,
            self.charge.provisioner,
            shared=Shared(Records(self._link), self.board, self.journal, me),
            on_change=lambda: self.loop.wake(),
            on_turn=self.reporter.redis,
        )

    def _loop(self) -> Loop:
        return Loop(
            self.charge,
            self.fleet,
            self.board,
            leadership=self.leadership,
            on_stored=self.courier.sync,
            keep_persistent=lambda: self.desk.keep_persistent(),
            reporter=self.reporter,
        )

    def _desk(self) -> Desk:
        return Desk(
            self.charge.settings,
            self.charge.home,
            self.charge.provisioner,
            self.loop.wake,
            leadership=self.leadership,
            on_stored=self.courier.sync,
            reporter=self.reporter,
        )

    def _measuring(self) -> FootprintWatch:
        return FootprintWatch(
            self.charge,
            self.fleet,
            book=_book(self.workspace),
            environment={**os.environ, **self.workspace.environ},
            leadership=self.leadership,
            reporter=self.reporter,
            gates=self.loop.work.gates,
            on_stored=self.courier.sync,
            on_change=self.courier.wake,
        )

    def _pruner(self) -> Pruner:
        return Pruner(
            self.fleet,
            self.loop.work,
            controller=self.charge.home.controller_id,
            hosts=lambda: self.loop.charge.hosts,
            leadership=self.leadership,
            reporter=self.reporter,
        )

    def _server(self, host: str, port: int, key: str) -> ApiServer:
        site = Site(
            board=self.board,
            desk=self.desk,
            vitals=self.vitals,
            key=key.encode("latin-1"),
            names=_names(host),
            service_logs=self.service_logs,
            launch_logs=LaunchLogs(self.charge.home),
            footprints=self.measuring.desk,
            prunes=self.pruner.desk,
            footprint_logs=FootprintLogs(self.charge.home),
            journal=self.journal,
        )
        return ApiServer(make_app(site), host=host, port=port, key=site.key, waiting=site.waiting)


def _charge(workspace: Workspace) -> Charge:
    return Charge(
        settings=workspace.settings,
        hosts=workspace.hosts(),
        home=workspace.home,
        provisioner=workspace.provisioner.name,
        owner=author().owner,
    )


def _link(workspace: Workspace, stack: ExitStack) -> RedisLink:
    provisioner = workspace.provisioner
    if not _is_own(provisioner):
        link = RedisLink.at(provisioner.cache, provisioner.name)
    else:
        embedded = EmbeddedRedis(workspace.home, provisioner.name)
        keeper = RedisKeeper(embedded)
        stack.callback(keeper.stop)
        keeper.start()
        link = RedisLink.on_socket(embedded.socket, provisioner.name)
    stack.callback(link.close)
    return link


def _is_own(provisioner: Provisioner) -> bool:
    return provisioner.cache.address in OWN_REDIS


def _book(workspace: Workspace) -> Path | None:
    """Where footprints are kept; without it none are measured."""
    with suppress(RequestError):
        return workspace.footprint_book
    return None


def _names(host: str) -> frozenset[str]:
    """What a client may call this server."""
    return frozenset({"localhost", "127.0.0.1", "[::1]", _shown(host).lower(), socket.gethostname().lower()})


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
