"""Controllers on a real Redis."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ozwald.state.lease import FREE
from tests.controller.pair import LEASE, Clock, Node, Pair
from tests.real_redis import RealRedis


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RealRedis]:
    """One on which a controller has ended: the next need not wait to see whether one is there."""
    made = RealRedis(tmp_path)
    made.start()
    made.client.set(LEASE, FREE)
    yield made
    made.kill()


@pytest.fixture
def pair(tmp_path: Path, server: RealRedis) -> Pair:
    clock = Clock()
    return Pair(Node(tmp_path / "first", server, clock), Node(tmp_path / "second", server, clock), server, clock)
