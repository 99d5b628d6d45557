"""A program whose input and output carry a connection, and that ends with it: a ProxyCommand, or `docker`."""

import os
import signal
import socket
import subprocess
import threading
from contextlib import suppress
from typing import Final, Self

from ozwald.remote.text import clean

COMPLAINT_BYTES: Final = 4096
END_S: Final = 0.5
NOT_RUN: Final = (126, 127)  # a shell's way of saying that there is no such program


class ProxySocket(socket.socket):
    """Our end of the program; closing it ends the program and what it has started."""

    _process: "subprocess.Popen[bytes]"
    _errors: int
    _closing: threading.Lock
    said = ""
    never_ran = False

    @classmethod
    def start(cls, line: str) -> Self:
        """Runs a line of shell; raises OSError. What it writes to stderr is kept as far as a pipe holds it."""
        ours, theirs = socket.socketpair()
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)  # a talkative program loses words instead of waiting for a reader
        try:
            with theirs:
                process = subprocess.Popen(
                    ["sh", "-c", f"exec {line}"],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=writing,
                    start_new_session=True,
                )
        except BaseException:
            ours.close()
            os.close(reading)
            raise
        finally:
            os.close(writing)
        proxied = cls(fileno=ours.detach())
        proxied._process, proxied._errors, proxied._closing = process, reading, threading.Lock()
        return proxied

    def close(self) -> None:
        """Ends the program; what it wrote to stderr is then in `said`, and whether there was one in `never_ran`."""
        with self._closing:
            if self.fileno() < 0:
                return
            super().close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)  # most programs end when their input does
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(END_S)  # what sudo runs is not ours to kill
            self.never_ran = self._process.returncode in NOT_RUN
            with suppress(OSError):
                self.said = clean(os.read(self._errors, COMPLAINT_BYTES))
            os.close(self._errors)
