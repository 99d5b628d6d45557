"""Keys are read from a terminal, also from one that goes away."""

import os
import pty
import sys
from collections.abc import Iterator

import pytest

from ozwald.cli.keyboard import END, keyboard


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The far side of the terminal that is standard input."""
    far, near = pty.openpty()
    with open(near, encoding="utf-8") as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        yield far


def test_a_key_is_there_as_soon_as_it_is_pressed(terminal: int) -> None:
    with keyboard() as pressed:
        os.write(terminal, b"q")
        assert pressed(10.0) == "q"
        assert pressed(0.0) == ""
    os.close(terminal)


def test_a_terminal_that_is_gone_ends_the_input(terminal: int) -> None:
    with keyboard() as pressed:
        os.close(terminal)
        assert pressed(10.0) == END
