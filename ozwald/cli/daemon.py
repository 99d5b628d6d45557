"""The life of a provisioner's process: begun, kept well, and ended in order."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from ozwald.cli.assembly import Assembly
from ozwald.cli.reloading import Reloading
from ozwald.cli.service_log import notify
from ozwald.cli.workspace import Workspace
from ozwald.controller.housekeeping import keep_bounded
from ozwald.controller.process import Running, only_controller, tell
from ozwald.controller.vitals import Vitals
from ozwald.state.home import DataFolder
from ozwald.state.redis_server import EmbeddedRedis

log = logging.getLogger(__name__)

# A name server that does not answer may hold it for long; the lease runs out by itself.
COURIER_END_S: Final = 3.0
NOTIFY_LOOK_S: Final = 0.1


def serve(workspace: Workspace, *, host: str, port: int, key: str, log_file: Path | None = None) -> None:
    """Runs until SIGTERM or SIGINT; operations in hand are finished or undone then. SIGHUP has settings read again."""
    signals = _signals()
    with ExitStack() as stack:
        stack.enter_context(only_controller(workspace.home, workspace.provisioner.name))
        parts = Assembly(workspace, stack, host=host, port=port, key=key)
        running = _running(parts.url, log_file)
        tell(workspace.home, workspace.provisioner.name, running)
        _begin(parts, stack)
        _until_asked_to_stop(signals, parts, Reloading(parts, running))
    log.info("provisioner %s has ended", workspace.provisioner.name)


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


def _signals() -> "SimpleQueue[int]":
    """The signals that arrive from now on."""
    signals: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda given, _: signals.put(given))
    return signals


def _running(url: str, log_file: Path | None) -> Running:
    log_path = "standard error" if log_file is None else str(log_file)
    return Running(pid=os.getpid(), url=url, log=log_path, started_at=time.time())


def _begin(parts: Assembly, stack: ExitStack) -> None:
    """Begins all that works beside the loop, the API and the exchange with Redis."""
    parts.reporter.started(parts.url)
    stack.callback(parts.reporter.stopped)
    parts.courier.turn()
    parts.measuring.start()
    stack.callback(parts.measuring.stop)
    stack.callback(parts.pruner.stop)
    _thread("notify", lambda: _notify_when_well(parts.workspace.environ, parts.vitals))
    ended = threading.Event()
    stack.callback(ended.set)
    _thread("wakefulness", lambda: parts.wakefulness.run(ended))
    _thread("housekeeping", lambda: keep_bounded(parts.charge.home, ended))


def _until_asked_to_stop(signals: "SimpleQueue[int]", parts: Assembly, reloading: Reloading) -> None:
    _thread("api", parts.server.run)
    loop, courier = _thread("loop", parts.loop.run), _thread("courier", parts.courier.run)
    while signals.get() == signal.SIGHUP:
        reloading.reload()
    log.info("asked to stop")
    parts.journal.close()
    parts.loop.stop()
    loop.join()
    parts.courier.stop()
    courier.join(COURIER_END_S)
    parts.server.stop()


def _notify_when_well(environ: Mapping[str, str], vitals: Vitals) -> None:
    if environ.get("NOTIFY_SOCKET"):
        while vitals.problems():
            time.sleep(NOTIFY_LOOK_S)
        notify(environ, "READY=1")


def _thread(name: str, work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name=name, daemon=True)
    thread.start()
    return thread
