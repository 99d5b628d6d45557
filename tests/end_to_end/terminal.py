"""A terminal with a command of a user on it."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time

from tests.end_to_end.user import User

# A worker that runs tests beside others has a width of its own, which would count more than the terminal's.
NOT_OURS = ("NO_COLOR", "COLUMNS", "LINES")
# A busy machine may take so long to show what is waited for.
PATIENCE_S = 45.0


class Terminal:
    """A terminal with a command on it, and all that the command has written there."""

    def __init__(self, user: User, *words: str, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        self.shown = b""
        self.resize(24, 100)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ozwald", *words],
            cwd=user.folder,
            env={key: value for key, value in user.environment.items() if key not in NOT_OURS} | environment,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def resize(self, rows: int, columns: int) -> None:
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def types(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def forget(self) -> None:
        """What was shown so far does not count any more."""
        self.shown = b""

    def attributes(self) -> list[object]:
        """How it treats what is typed."""
        return termios.tcgetattr(self._ours)

    def read_until(self, text: bytes) -> None:
        over = time.monotonic() + PATIENCE_S
        while text not in self.shown and time.monotonic() < over and self._read():
            pass
        assert text in self.shown, self.shown[-2000:]

    def end(self) -> int:
        while self._read():
            pass
        os.close(self._ours)
        return self.process.wait(20)

    def vanish(self) -> int:
        """The terminal goes, as when its window is closed; how the command ends then."""
        os.close(self._ours)
        return self.process.wait(20)

    def _read(self) -> bytes:
        try:
            if not select.select([self._ours], [], [], PATIENCE_S)[0]:
                return b""
            piece = os.read(self._ours, 65536)
        except OSError:
            piece = b""
        self.shown += piece
        return piece
