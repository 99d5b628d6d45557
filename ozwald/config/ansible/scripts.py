"""Runs an executable inventory, bounded in time and output."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from ozwald.config.files import MAX_FILE_BYTES, decode
from ozwald.config.problems import RefusedError, whole_file

TIMEOUT_S = 60.0

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
    assert process.stdout
    with process, _killed_after(process, timeout_s) as expired:
        output = process.stdout.read(MAX_FILE_BYTES + 1)
        if len(output) > MAX_FILE_BYTES:
            _kill(process)
        status = process.wait()
    if expired.is_set():
        raise RefusedError(whole_file(file), f"did not end within {timeout_s:g} s")
    if len(output) > MAX_FILE_BYTES:
        raise RefusedError(whole_file(file), f"printed more than {MAX_FILE_BYTES // 1024**2} MiB")
    if status:
        message = f"ended with status {status}; run it with {' '.join(words[:1])} to see why"
        raise RefusedError(whole_file(file), message)
    return decode(output, file=file).text


@contextmanager
def _killed_after(process: subprocess.Popen[bytes], timeout_s: float) -> Iterator[threading.Event]:
    """Kill the process and its children after a time; the event says that it happened."""
    expired = threading.Event()

    def expire() -> None:
        expired.set()
        _kill(process)

    timer = threading.Timer(timeout_s, expire)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
