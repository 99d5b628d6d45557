"""The user's terminal while a remote command has it."""

import os
import signal
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from ozwald.errors import HostError, RequestError

PIECE = 32 * 1024


@contextmanager
def raw_terminal(resize: Callable[[int, int], None]) -> Iterator[None]:
    """Every key goes to the remote side, which is told the terminal's size, now and whenever it changes."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise RequestError("--tty needs a terminal; without it input and output may be pipes")
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    changed = threading.Event()
    changed.set()

    def note(number: int, frame: FrameType | None) -> None:
        changed.set()

    former = signal.signal(signal.SIGWINCH, note)
    # A handler runs in the middle of reading, where the connection's locks may be held.
    threading.Thread(target=_tell_sizes, args=(changed, resize), daemon=True).start()
    tty.setraw(keyboard, termios.TCSADRAIN)
    try:
        yield
    finally:
        termios.tcsetattr(keyboard, termios.TCSADRAIN, before)
        signal.signal(signal.SIGWINCH, former)


def forward_input(write: Callable[[bytes], None], close: Callable[[], None]) -> None:
    """Sends standard input on from a thread of its own until either side ends."""
    threading.Thread(target=_forward, args=(write, close), daemon=True).start()


def _forward(write: Callable[[bytes], None], close: Callable[[], None]) -> None:
    try:
        # Past the buffer of sys.stdin, which a thread that never ends would hold at exit.
        while content := os.read(0, PIECE):
            write(content)
        close()
    except OSError:
        return  # the command has ended without reading it all


def _tell_sizes(changed: threading.Event, resize: Callable[[int, int], None]) -> None:
    while changed.wait():
        changed.clear()
        size = os.get_terminal_size(sys.stdout.fileno())
        with suppress(HostError):
            resize(size.lines, size.columns)
