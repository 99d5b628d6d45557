"""A user for each test, on the run's one lab."""

from pathlib import Path

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab


@pytest.fixture
def user(clean_hosts: Lab, tmp_path: Path) -> User:
    """Somebody with a fresh folder and the standard fleet."""
    return User(tmp_path, clean_hosts)
