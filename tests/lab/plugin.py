"""Pytest fixtures: one standard fleet per run, and engines cleaned after a test."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.errors import LabError
from tests.lab.fleet import Lab, is_crashed, take_down
from tests.lab.images import busybox_image
from tests.lab.spawning import in_parallel
from tests.lab.standard import IMAGE, STANDARD, load_image

PREFIX = "ozwald-lab-"


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The standard fleet with `lab/busybox:1` and `lab/quick:1` in each engine, from first use to the end."""
    sweep_crashed()
    directory = Path(tempfile.gettempdir()) / f"{PREFIX}{os.getpid()}"
    try:
        running = Lab.start(directory, STANDARD)
    except LabError as error:
        pytest.fail(f"the lab cannot start: {error}", pytrace=False)
    with running:
        load_image(running)
        yield running


@pytest.fixture
def clean_hosts(lab: Lab) -> Iterator[Lab]:
    """The standard fleet; its containers, networks and volumes are removed after the test."""
    yield lab
    engines = [host.engine for host in lab.hosts.values() if host.has_docker]
    in_parallel([engine.clean for engine in engines])


@pytest.fixture(scope="session")
def lab_image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tarball of `lab/busybox:1`, for labs that a test starts itself."""
    return busybox_image(tmp_path_factory.mktemp("image"), IMAGE)


def sweep_crashed() -> None:
    """Takes down what runs that were killed have left on this machine."""
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if is_crashed(directory):
            take_down(directory)
