"""The provisioner's process: Redis, loop and API, put together and taken apart."""

import getpass
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

from ozwald.api.app import Site, make_app
from ozwald.api.server import ApiServer
from ozwald.cli.workspace import Workspace
from ozwald.controller.board import Board
from ozwald.controller.desk import Desk
from ozwald.controller.loop import Charge, Loop
from ozwald.controller.process import Running, only_controller, tell
from ozwald.controller.vitals import Vitals
from ozwald.model.host import Provisioner
from ozwald.state.cache import Cache
from ozwald.state.home import DataFolder
from ozwald.state.redis_keeper import RedisKeeper
from ozwald.state.redis_server import EmbeddedRedis

log = logging.getLogger(__name__)

# SPEC.md's name for the Redis that the provisioner brings itself.
OWN_REDIS = (None, "ozwald-provisioner-redis")


def serve(workspace: Workspace, *, host: str, port: int, key: str) -> None:
    """Runs until SIGTERM or SIGINT; operations in hand are finished or undone then."""
    home, provisioner, hosts = workspace.home, workspace.provisioner, workspace.hosts()
    with ExitStack() as stack:
        stack.enter_context(only_controller(home, provisioner.name))
        stack.enter_context(home.changing(hosts))
        cache = _cache(home, provisioner, stack)
        fleet = stack.enter_context(workspace.fleet(begin=hosts))
        board = Board()
        charge = Charge(
            settings=workspace.settings, hosts=hosts, home=home, provisioner=provisioner.name, owner=getpass.getuser()
        )
        loop = Loop(charge, fleet, board)
        desk = Desk(workspace.settings, home, provisioner.name, loop.wake)
        site = Site(
            board=board,
            desk=desk,
            vitals=Vitals(board, cache.problem),
            key=key.encode("latin-1"),
            names=_names(host),
        )
        server = ApiServer(make_app(site), host=host, port=port)
        tell(home, provisioner.name, _running(workspace, host, port))
        _until_asked_to_stop(server, loop)
    log.info("provisioner %s has ended", provisioner.name)


def _cache(home: DataFolder, provisioner: Provisioner, stack: ExitStack) -> Cache:
    if provisioner.cache.address not in OWN_REDIS:
        cache = Cache.at(provisioner.cache, provisioner.name)
    else:
        embedded = EmbeddedRedis(home, provisioner.name)
        keeper = RedisKeeper(embedded)
        stack.callback(keeper.stop)
        keeper.start()
        cache = Cache.on_socket(embedded.socket, provisioner.name)
    stack.callback(cache.close)
    return cache


def _until_asked_to_stop(server: ApiServer, loop: Loop) -> None:
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    threads = [_thread("api", server.run), _thread("loop", loop.run)]
    asked.wait()
    log.info("asked to stop")
    loop.stop()
    threads[1].join()
    server.stop()


def _thread(name: str, work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread


def _running(workspace: Workspace, host: str, port: int) -> Running:
    shown = f"[{host}]" if ":" in host else host
    log_path = workspace.home.path / "logs" / "provisioner" / f"{workspace.provisioner.name}.log"
    return Running(pid=os.getpid(), url=f"http://{shown}:{port}", log=str(log_path), started_at=time.time())


def _names(host: str) -> frozenset[str]:
    """What a client may call this server."""
    shown = f"[{host}]" if ":" in host else host
    return frozenset({"localhost", "127.0.0.1", "[::1]", shown.lower(), socket.gethostname().lower()})
