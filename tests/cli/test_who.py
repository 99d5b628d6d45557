"""Who asks, as events, history and labels name it."""

import getpass
import os

import pytest

from ozwald.cli.who import author


def test_a_user_whom_the_machine_does_not_list_is_named_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def unlisted() -> str:
        raise KeyError(f"getpwuid(): uid not found: {os.getuid()}")

    monkeypatch.setattr(getpass, "getuser", unlisted)

    assert author().owner == f"uid {os.getuid()}"
