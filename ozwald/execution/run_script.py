"""Runs the script that puts load on a service while it is measured: on the controller, or in its container."""

import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Final

from ozwald.execution.clock import Clock
from ozwald.execution.health import Interrupted
from ozwald.model.service import RunScript
from ozwald.remote.engine import Engine

POLL_S: Final = 0.1
OUTPUT_BYTES: Final = 64 * 1024
SECRET: Final = "OZWALD_SYSTEM_KEY"


class ScriptFailed(Exception):
    """The script could not be run to its end; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptResult:
    """How a script ended, and the end of what it wrote."""

    exit_code: int
    output: str


def run_on_controller(
    script: RunScript, environment: Mapping[str, str], *, deadline: float, stop: threading.Event, clock: Clock
) -> ScriptResult:
    """Runs it with `/bin/sh` in its folder; its children end with it.

    `environment` is all it gets, but for the key of the API; `deadline` is on the clock.

    Raises:
        ScriptFailed: it cannot be started, or is not done by then.
        Interrupted: `stop` was set.
    """
    given = {name: value for name, value in environment.items() if name != SECRET}
    with tempfile.TemporaryFile() as output:
        process = _begun(script, given, output)
        try:
            while process.poll() is None:
                if clock.now() >= deadline:
                    raise ScriptFailed("it is not done in time")
                if clock.wait(stop, POLL_S):
                    raise Interrupted
        finally:
            _end(process)
        return ScriptResult(exit_code=process.returncode, output=_last(output))


def run_in_container(
    script: RunScript,
    environment: Mapping[str, str],
    *,
    engine: Engine,
    container_id: str,
    deadline: float,
    stop: threading.Event,
    clock: Clock,
) -> ScriptResult:
    """Runs it with the container's own `sh`; what is not done in time ends with the container.

    Raises:
        ScriptFailed: it is not done by the deadline, which is on the clock.
        Interrupted: `stop` was set.
        HostError: the engine failed.
    """
    done: Future[ScriptResult] = Future()
    work = threading.Thread(target=_settle, args=(done, script, environment, engine, container_id), daemon=True)
    work.start()
    while not done.done():
        if clock.now() >= deadline:
            raise ScriptFailed("it is not done in time")
        if clock.wait(stop, POLL_S):
            raise Interrupted
    return done.result()


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


def _begun(script: RunScript, environment: Mapping[str, str], output: IO[bytes]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            ["/bin/sh", "-c", script.line],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=script.folder or None,
            env=dict(environment),
            start_new_session=True,
        )
    except OSError as err:
        raise ScriptFailed(f"it cannot be started in {script.folder}: {err.strerror}") from err


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends also what it left in the background."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _last(output: IO[bytes]) -> str:
    size = output.seek(0, os.SEEK_END)
    output.seek(max(0, size - OUTPUT_BYTES))
    return output.read().decode("utf-8", "backslashreplace")
