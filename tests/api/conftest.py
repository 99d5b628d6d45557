"""What the tests of the API share."""

from pathlib import Path

import pytest

from tests.api.calling import Api


@pytest.fixture
def api(tmp_path: Path) -> Api:
    return Api(tmp_path / "home")
