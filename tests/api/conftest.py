"""What the tests of the API share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.calling import Api
from tests.api.serving import Served, served


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path / "home")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path) as found:
        yield found
