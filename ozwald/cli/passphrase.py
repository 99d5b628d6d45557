"""Asks for the passphrase of a key file, from whichever thread needs it."""

import atexit
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click


def ask_passphrase(path: str) -> str | None:
    """What somebody at the terminal types without it being shown; None where nobody is there or nothing is typed."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return None
    try:
        with _echo_comes_back():
            return click.prompt(f"Passphrase for {path}", hide_input=True, default="", show_default=False, err=True)
    except click.Abort:
        return None


@contextmanager
def _echo_comes_back() -> Iterator[None]:
    """Ctrl-C ends the program while another thread waits for input, and with it what would turn the echo on again."""
    import termios

    before = termios.tcgetattr(sys.stdin)

    def restore() -> None:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)

    atexit.register(restore)
    try:
        yield
    finally:
        restore()
        atexit.unregister(restore)
