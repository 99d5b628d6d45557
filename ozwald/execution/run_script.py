"""Runs the script that puts load on a service while it is measured: on the controller, or in its container."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final

from ozwald.execution.clock import Clock
from ozwald.model.service import RunScript
from ozwald.remote.engine import Engine

OUTPUT_BYTES: Final = 64 * 1024
SECRET: Final = "OZWALD_SYSTEM_KEY"
LAST_WORDS_S: Final = 1.0
# Standard input is a pipe that only this process holds: it ends with this process, even after SIGKILL, and then the
# guard ends the script's whole process group. The guard is nobody's child, so that no script waits for it.
GUARDED: Final = """exec 3<&0 </dev/null
( { read -r end; kill -s KILL 0; } <&3 >/dev/null 2>&1 & )
exec 3<&-
exec /bin/sh -c "$1"
"""


class ScriptFailed(Exception):
    """The script could not be run to its end; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptResult:
    """How a script ended, and the end of what it wrote."""

    exit_code: int
    output: str


def run_on_controller(
    script: RunScript, environment: Mapping[str, str], *, deadline: float, pause: Callable[[], None], clock: Clock
) -> ScriptResult:
    """Runs it with `/bin/sh` in its folder; its children end with it, and all of them when this process is killed.

    `environment` is all it gets, but for the key of the API; `deadline` is on the clock; what `pause` raises ends it.

    Raises:
        ScriptFailed: it cannot be started, or is not done by then.
    """
    given = {name: value for name, value in environment.items() if name != SECRET}
    process = _begun(script, given)
    output = bytearray()
    reading = threading.Thread(target=_read, args=(process.stdout, output), daemon=True)
    reading.start()
    try:
        while process.poll() is None:
            _check_time(deadline, clock)
            pause()
    finally:
        _end(process)
    reading.join(LAST_WORDS_S)
    return ScriptResult(exit_code=process.returncode, output=output.decode("utf-8", "backslashreplace"))


def run_in_container(
    script: RunScript,
    environment: Mapping[str, str],
    *,
    engine: Engine,
    container_id: str,
    deadline: float,
    pause: Callable[[], None],
    clock: Clock,
) -> ScriptResult:
    """Runs it with the container's own `sh`; what is not done in time ends with the container.

    `deadline` is on the clock; what `pause` raises ends the wait.

    Raises:
        ScriptFailed: it is not done by then.
        HostError: the engine failed.
    """
    done: Future[ScriptResult] = Future()
    work = threading.Thread(target=_settle, args=(done, script, environment, engine, container_id), daemon=True)
    work.start()
    while not done.done():
        _check_time(deadline, clock)
        pause()
    return done.result()


def _check_time(deadline: float, clock: Clock) -> None:
    if clock.now() >= deadline:
        raise ScriptFailed("it is not done in time")


def _settle(
    done: "Future[ScriptResult]", script: RunScript, environment: Mapping[str, str], engine: Engine, container_id: str
) -> None:
    try:
        done.set_result(_executed(script, environment, engine, container_id))
    except Exception as error:
        done.set_exception(error)


def _executed(script: RunScript, environment: Mapping[str, str], engine: Engine, container_id: str) -> ScriptResult:
    running = engine.begin_exec(container_id, ["sh", "-c", script.line], environment=environment)
    written = b""
    try:
        running.close_input()
        while (piece := running.read()) is not None:
            written = (written + piece[1])[-OUTPUT_BYTES:]
        return ScriptResult(exit_code=running.exit_code(), output=written.decode("utf-8", "backslashreplace"))
    finally:
        running.close()


def _begun(script: RunScript, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", GUARDED, "sh", script.line],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=script.folder or None,
            env=dict(environment),
            start_new_session=True,
            bufsize=0,
        )
    except OSError as err:
        raise ScriptFailed(f"it cannot be started in {script.folder}: {err.strerror}") from err


def _read(pipe: IO[bytes], kept: bytearray) -> None:
    """Keeps the end of what a script writes, however much that is, until all who could write have ended."""
    with pipe:
        while piece := pipe.read(OUTPUT_BYTES):
            kept += piece
            del kept[:-OUTPUT_BYTES]


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends also what it left in the background."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdin is not None
    process.stdin.close()
