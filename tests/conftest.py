"""What every test may use: the lab's fixtures, a Ctrl-C that arrives, and figures for the end of a long run."""

import os
import signal

import pytest

pytest_plugins = ["tests.lab.plugin"]

_RECORD = pytest.StashKey[list[str]]()

# A shell starts what it puts into the background with SIGINT ignored, and children would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def record(request: pytest.FixtureRequest) -> list[str]:
    """Lines to show behind the results of a long run."""
    return request.config.stash.setdefault(_RECORD, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if os.environ.get("OZWALD_SOAK"):
        for line in config.stash.get(_RECORD, []):
            terminalreporter.write_line(line)
