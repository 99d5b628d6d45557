"""A desk at which something can be asked for."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.execution.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
def changing(desk: Desk) -> Iterator[Desk]:
    with desk.home.changing(desk.inventory.hosts):
        yield desk
