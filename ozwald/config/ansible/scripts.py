"""Runs an executable inventory, bounded in time and output."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from ozwald.config.files import MAX_FILE_BYTES, decode
from ozwald.config.problems import RefusedError, whole_file

TIMEOUT_S = 60.0

_CHUNK = 64 * 1024
_PROGRAM_STARTS = (b"#!", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")


def is_program(path: Path) -> bool:
    """Whether a file is executable and begins like a program: some file systems make all files executable."""
    if not os.path.isfile(path) or not os.access(path, os.X_OK):
        return False
    with path.open("rb") as stream:
        return stream.read(4).startswith(_PROGRAM_STARTS)


def run_inventory(
    path: Path, words: list[str], *, file: str, environ: Mapping[str, str], timeout_s: float = TIMEOUT_S
) -> str:
    """What `PATH WORD…` prints; raises RefusedError when it fails, prints too much or takes too long."""
    try:
        process = subprocess.Popen(
            [str(path), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environ),
            start_new_session=True,
        )
    except OSError as err:
        raise RefusedError(whole_file(file), f"cannot be run: {err.strerror}") from err
    except ValueError as err:
        raise RefusedError(whole_file(file), "cannot be run: a variable of the environment is not valid") from err
    with process:
        try:
            output = _output(process, time.monotonic() + timeout_s, file)
        except BaseException as err:
            _kill(process)
            if isinstance(err, subprocess.TimeoutExpired):
                raise RefusedError(whole_file(file), f"did not end within {timeout_s:g} s") from err
            raise
    if process.returncode:
        message = f"ended with status {process.returncode}; run it with {' '.join(words[:1])} to see why"
        raise RefusedError(whole_file(file), message)
    return decode(output, file=file).text


def _output(process: subprocess.Popen[bytes], deadline: float, file: str) -> bytes:
    """What it prints until it ends; raises TimeoutExpired and RefusedError."""
    assert process.stdout
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        # A plain read would wait for every process that has the output open, also for one that got away.
        while len(output) <= MAX_FILE_BYTES:
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise subprocess.TimeoutExpired(process.args, 0)
            chunk = os.read(process.stdout.fileno(), _CHUNK)
            if not chunk:
                process.wait(max(0.0, deadline - time.monotonic()))
                return bytes(output)
            output += chunk
    raise RefusedError(whole_file(file), f"printed more than {MAX_FILE_BYTES // 1024**2} MiB")


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
