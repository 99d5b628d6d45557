"""The provisioner's process: Redis, loop and API, put together and taken apart."""

import getpass
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import SimpleQueue

from ozwald.api.app import Site, make_app
from ozwald.api.server import ApiServer
from ozwald.cli.reloading import Reloading
from ozwald.cli.service_log import notify
from ozwald.cli.workspace import Workspace
from ozwald.controller.board import Board, View
from ozwald.controller.charge import Charge
from ozwald.controller.courier import Courier
from ozwald.controller.desk import Desk
from ozwald.controller.footprint_watch import FootprintWatch
from ozwald.controller.host_locks import HostLocks
from ozwald.controller.housekeeping import keep_bounded
from ozwald.controller.journal import Journal
from ozwald.controller.leadership import Leadership, Wakefulness
from ozwald.controller.log_keeper import LogKeeper
from ozwald.controller.loop import Loop
from ozwald.controller.observer import NOT_YET
from ozwald.controller.process import Running, only_controller, tell
from ozwald.controller.pruner import Pruner
from ozwald.controller.reporter import Reporter
from ozwald.controller.shared import Shared
from ozwald.controller.vitals import Vitals
from ozwald.errors import RequestError
from ozwald.model.host import Provisioner
from ozwald.state.cache import Cache
from ozwald.state.event_file import EventFile
from ozwald.state.footprint_logs import FootprintLogs
from ozwald.state.home import DataFolder
from ozwald.state.launch_logs import LaunchLogs
from ozwald.state.lease import candidate
from ozwald.state.records import Records
from ozwald.state.redis_keeper import RedisKeeper
from ozwald.state.redis_link import RedisLink
from ozwald.state.redis_server import EmbeddedRedis
from ozwald.state.service_logs import ServiceLogs

log = logging.getLogger(__name__)

# SPEC.md's name for the Redis that the provisioner brings itself.
OWN_REDIS = (None, "ozwald-provisioner-redis")


# A name server that does not answer may hold it for long; the lease runs out by itself.
COURIER_END_S = 3.0
NOTIFY_LOOK_S = 0.1


def serve(workspace: Workspace, *, host: str, port: int, key: str, log_file: Path | None = None) -> None:
    """Runs until SIGTERM or SIGINT; operations in hand are finished or undone then. SIGHUP has settings read again."""
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda given, _: signals.put(given))
    home, provisioner, hosts = workspace.home, workspace.provisioner, workspace.hosts()
    with ExitStack() as stack:
        stack.enter_context(only_controller(home, provisioner.name))
        locks = stack.enter_context(HostLocks(home))
        locks.take(hosts)
        link = _link(home, provisioner, stack)
        wakefulness = Wakefulness()
        leadership = Leadership(alone=_is_own(provisioner), wakefulness=wakefulness)
        fleet = stack.enter_context(workspace.fleet(begin=hosts))
        reporter = Reporter(journal := Journal(EventFile(home, provisioner.name)))
        logs = ServiceLogs(home)
        log_keeper = LogKeeper(logs, lambda name: fleet.connection(desk.settings.inventory.hosts[name]).engine())
        stack.callback(log_keeper.stop)
        board = Board(reporter.seen, log_keeper.seen)
        board.publish(View(hosts=dict.fromkeys(hosts, NOT_YET)))
        charge = Charge(
            settings=workspace.settings, hosts=hosts, home=home, provisioner=provisioner.name, owner=getpass.getuser()
        )
        me = candidate(home.path, _url(host, port))
        courier = Courier(
            Cache(link),
            leadership,
            me,
            home,
            provisioner.name,
            shared=Shared(Records(link), board, journal, me),
            on_change=lambda: loop.wake(),
            on_turn=reporter.redis,
        )
        loop = Loop(
            charge,
            fleet,
            board,
            leadership=leadership,
            on_stored=courier.sync,
            keep_persistent=lambda: desk.keep_persistent(),
            reporter=reporter,
        )
        desk = Desk(
            workspace.settings,
            home,
            provisioner.name,
            loop.wake,
            leadership=leadership,
            on_stored=courier.sync,
            reporter=reporter,
        )
        measuring = FootprintWatch(
            charge,
            fleet,
            book=_book(workspace),
            environment={**os.environ, **workspace.environ},
            leadership=leadership,
            reporter=reporter,
            gates=loop.work.gates,
        )
        pruner = Pruner(
            fleet,
            loop.work,
            controller=home.controller_id,
            hosts=lambda: loop.charge.hosts,
            leadership=leadership,
            reporter=reporter,
        )
        site = Site(
            board=board,
            desk=desk,
            vitals=Vitals(board, courier.problem, leadership=leadership),
            key=key.encode("latin-1"),
            names=_names(host),
            service_logs=logs,
            launch_logs=LaunchLogs(home),
            footprints=measuring.desk,
            prunes=pruner.desk,
            footprint_logs=FootprintLogs(home),
            journal=journal,
        )
        server = ApiServer(make_app(site), host=host, port=port, key=site.key, waiting=site.waiting)
        running = _running(host, port, log_file)
        reloading = Reloading(
            workspace, charge, running, desk=desk, loop=loop, locks=locks, reporter=reporter, measuring=measuring
        )
        tell(home, provisioner.name, running)
        reporter.started(_url(host, port))
        stack.callback(reporter.stopped)
        courier.turn()
        measuring.start()
        stack.callback(measuring.stop)
        stack.callback(pruner.stop)
        _thread("notify", lambda: _notify_when_well(workspace.environ, site.vitals))
        ended = threading.Event()
        stack.callback(ended.set)
        _thread("wakefulness", lambda: wakefulness.run(ended))
        _thread("housekeeping", lambda: keep_bounded(home, ended))
        _until_asked_to_stop(signals, server, loop, courier, journal, reloading)
    log.info("provisioner %s has ended", provisioner.name)


def _book(workspace: Workspace) -> Path | None:
    """Where footprints are kept; without it none are measured."""
    with suppress(RequestError):
        return workspace.footprint_book
    return None


def clear_up(home: DataFolder, name: str) -> list[str]:
    """Removes what a controller that was killed has left, and names it.

    Raises:
        StateError: one is starting just now.
    """
    if not (home.path / "run").exists():
        return []
    left = ["its address"] if (home.path / "run" / f"{name}.json").exists() else []
    with only_controller(home, name):
        if (home.path / "redis" / name).exists():
            left += EmbeddedRedis(home, name).end_leftovers()
    return left


def _link(home: DataFolder, provisioner: Provisioner, stack: ExitStack) -> RedisLink:
    if not _is_own(provisioner):
        link = RedisLink.at(provisioner.cache, provisioner.name)
    else:
        embedded = EmbeddedRedis(home, provisioner.name)
        keeper = RedisKeeper(embedded)
        stack.callback(keeper.stop)
        keeper.start()
        link = RedisLink.on_socket(embedded.socket, provisioner.name)
    stack.callback(link.close)
    return link


def _is_own(provisioner: Provisioner) -> bool:
    return provisioner.cache.address in OWN_REDIS


def _until_asked_to_stop(
    signals: "SimpleQueue[int]",
    server: ApiServer,
    loop: Loop,
    courier: Courier,
    journal: Journal,
    reloading: Reloading,
) -> None:
    threads = [_thread("api", server.run), _thread("loop", loop.run), _thread("courier", courier.run)]
    while signals.get() == signal.SIGHUP:
        reloading.reload()
    log.info("asked to stop")
    journal.close()
    loop.stop()
    threads[1].join()
    courier.stop()
    threads[2].join(COURIER_END_S)
    server.stop()


def _notify_when_well(environ: Mapping[str, str], vitals: Vitals) -> None:
    if environ.get("NOTIFY_SOCKET"):
        while vitals.problems():
            time.sleep(NOTIFY_LOOK_S)
        notify(environ, "READY=1")


def _thread(name: str, work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def _url(host: str, port: int) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _running(host: str, port: int, log_file: Path | None) -> Running:
    log_path = "standard error" if log_file is None else str(log_file)
    return Running(pid=os.getpid(), url=_url(host, port), log=log_path, started_at=time.time())


def _names(host: str) -> frozenset[str]:
    """What a client may call this server."""
    shown = f"[{host}]" if ":" in host else host
    return frozenset({"localhost", "127.0.0.1", "[::1]", shown.lower(), socket.gethostname().lower()})
