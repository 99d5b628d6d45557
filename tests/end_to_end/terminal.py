"""A terminal with a command of a user on it."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

from tests.end_to_end.user import User


class Terminal:
    """A terminal with a command on it, and all that the command has written there."""

    def __init__(self, user: User, *words: str, **environment: str) -> None:
        self._ours, theirs = pty.openpty()
        self.shown = b""
        self.resize(24, 100)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ozwald", *words],
            cwd=user.folder,
            env={key: value for key, value in user.environment.items() if key != "NO_COLOR"} | environment,
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
        while text not in self.shown and self._read():
            pass
        assert text in self.shown

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
            piece = os.read(self._ours, 65536)
        except OSError:
            piece = b""
        self.shown += piece
        return piece
