"""Keys as they are pressed, while something is drawn."""

import os
import select
import sys
import termios
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

# What Ctrl-D sends, and what a terminal that is gone is taken to have sent.
END = "\x04"


@contextmanager
def keyboard() -> Iterator[Callable[[float], str]]:
    """Gives a function that waits so many seconds for a key, and returns none where there is no keyboard."""
    if not sys.stdin.isatty():
        yield _no_key
        return
    before = termios.tcgetattr(sys.stdin)
    tty.setcbreak(sys.stdin, termios.TCSADRAIN)
    try:
        yield _key
    finally:
        with suppress(termios.error):  # the terminal is gone
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _key(within_s: float) -> str:
    ready, _, _ = select.select([sys.stdin], [], [], within_s)
    return _read() if ready else ""


def _read() -> str:
    try:
        return os.read(sys.stdin.fileno(), 1).decode("ascii", "replace") or END
    except OSError:
        return END


def _no_key(within_s: float) -> str:
    time.sleep(within_s)
    return ""
