"""The progress of apply on a real terminal, and without one."""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.end_to_end.terminal import Terminal
from tests.end_to_end.user import User
from tests.lab import Lab
from tests.lab.registry import Registry, layer

pytestmark = pytest.mark.lab

IMAGE = "lab/quick:1"
SHOW_CURSOR = b"\x1b[?25h"
HIDE_CURSOR = b"\x1b[?25l"


@contextmanager
def slow_registry(lab: Lab, user: User) -> Iterator[Registry]:
    """A registry with an image that takes seconds to pull, and settings for it."""
    with Registry(lab.hosts["box1"], bytes_per_s=700_000) as registry:
        registry.push("big:1", [layer("a", 1_000_000), layer("b", 500_000)])
        services = {"big": {"image": registry.reference("big:1")}, "idle": {"image": IMAGE}}
        user.has(services, hosts=["box1"])
        yield registry


def test_a_terminal_shows_a_bar_while_it_pulls_and_a_line_for_what_has_ended(user: User, clean_hosts: Lab) -> None:
    with slow_registry(clean_hosts, user) as registry:
        registry.bytes_per_s = 100_000
        terminal = Terminal(user, "apply", "big", "idle", TERM="xterm-256color")
        terminal.read_until("━".encode())
        terminal.read_until(b"0 of 2 layers")
        registry.bytes_per_s = None
        terminal.resize(10, 60)
        terminal.process.send_signal(signal.SIGWINCH)

        assert terminal.end() == 1  # the image has no program
    assert b"box1  idle  done after " in terminal.shown
    assert b"box1  big  failed: " in terminal.shown
    assert terminal.shown.rindex(SHOW_CURSOR) > terminal.shown.rindex(HIDE_CURSOR)


def test_ctrl_c_leaves_the_terminal_as_it_was(user: User, clean_hosts: Lab) -> None:
    with slow_registry(clean_hosts, user):
        terminal = Terminal(user, "apply", "big", TERM="xterm-256color")
        terminal.read_until("━".encode())
        terminal.process.send_signal(signal.SIGINT)
        started = time.monotonic()

        assert terminal.end() == 1
    assert time.monotonic() - started < 5
    assert b"interrupted" in terminal.shown
    assert terminal.shown.rindex(SHOW_CURSOR) > terminal.shown.rindex(HIDE_CURSOR)
    assert clean_hosts.hosts["box1"].engine.call("GET", "/containers/json?all=1") == []


def test_no_color_means_none(user: User, clean_hosts: Lab) -> None:
    with slow_registry(clean_hosts, user):
        terminal = Terminal(user, "apply", "big", TERM="xterm-256color", NO_COLOR="1")
        terminal.read_until("━".encode())
        terminal.end()

    assert b"\x1b[3" not in terminal.shown
    assert b"\x1b[9" not in terminal.shown


def test_a_dumb_terminal_gets_plain_lines(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": {"image": IMAGE}}, hosts=["box1"])
    terminal = Terminal(user, "apply", "idle", TERM="dumb")

    assert terminal.end() == 0
    assert b"\x1b" not in terminal.shown
    assert b"box1  idle  available\r\n" in terminal.shown


def test_a_pipe_gets_the_pull_every_two_seconds(user: User, clean_hosts: Lab) -> None:
    with slow_registry(clean_hosts, user):
        ran = user.types("apply", "big")

    passing = [line for line in ran.err.splitlines() if "  pulling " in line and " of " in line]
    assert 1 <= len(passing) <= 3
    assert "\x1b" not in ran.err
