"""A server process that belongs to one folder: it ends with us, and what a killed one of us left is found again."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)

END_S = 3.0
# Linux ends the server with the thread that started it; asked for in the new process itself, since running Python
# between fork and exec may hang in a process with threads.
_ENDS_WITH_PARENT = """\
import os, signal, sys
try:
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
except (ImportError, AttributeError, OSError):
    pass
if os.getppid() == int(sys.argv[1]):
    os.execv(sys.argv[2], sys.argv[2:])
"""


def spawn(words: Sequence[str], *, folder: Path, log_file: IO[bytes]) -> "subprocess.Popen[bytes]":
    """Starts a server in a folder; the thread that calls this has to live as long as the server."""
    launcher = [sys.executable, "-I", "-S", "-c", _ENDS_WITH_PARENT, str(os.getpid())]
    return subprocess.Popen(
        [*launcher, *words] if sys.platform == "linux" else list(words),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=log_file,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def end_leftover(pid_file: Path, marks: Sequence[str]) -> bool:
    """Ends the server that the file names, if that process has these words, one after the other, in its command.

    Returns whether there was one.
    """
    pid = _pid(pid_file)
    if pid is None or not _has(pid, marks):
        return False
    log.warning("ending the server that a killed controller left (process %d)", pid)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        over = time.monotonic() + END_S
        while _has(pid, marks) and time.monotonic() < over:
            time.sleep(0.02)
    pid_file.unlink(missing_ok=True)
    return True


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a server of ours: asked first, then killed."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _pid(path: Path) -> int | None:
    try:
        pid = int(path.read_text(errors="replace"))
    except (OSError, ValueError):
        return None
    return pid if pid > 1 else None


def _has(pid: int, marks: Sequence[str]) -> bool:
    """Whether the process lives and has the words in its command line; a zombie has none."""
    command = Path(f"/proc/{pid}/cmdline")
    if Path("/proc/self/cmdline").exists():
        try:
            return "\0".join(("", *marks, "")).encode() in command.read_bytes()
        except OSError:
            return False
    listed = subprocess.run(["ps", "-ww", "-o", "command=", "-p", str(pid)], capture_output=True, check=False)
    return f" {' '.join(marks)} ".encode() in listed.stdout
