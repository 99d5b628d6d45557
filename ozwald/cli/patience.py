"""Says what is being waited for, once that takes more than a moment."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ozwald.cli.output import warn

MOMENT_S = 1.0


@contextmanager
def patience(text: str, *, moment_s: float = MOMENT_S) -> Iterator[None]:
    """One line on stderr, if that is a terminal, when the block takes longer than a moment."""
    timer = threading.Timer(moment_s, warn, [text])
    timer.daemon = True
    if sys.stderr.isatty():
        timer.start()
    try:
        yield
    finally:
        timer.cancel()
