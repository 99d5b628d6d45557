"""A folder with a settings file, a shorthand that loads it, and figures for the end of a long run."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ozwald.config.load import load_settings
from ozwald.errors import Problem, SettingsError
from ozwald.model.settings import Settings

_RECORD = pytest.StashKey[list[str]]()

Load = Callable[..., Settings]
Refuse = Callable[..., tuple[Problem, ...]]


@pytest.fixture
def record(request: pytest.FixtureRequest) -> list[str]:
    """Lines to show behind the results of a long run."""
    return request.config.stash.setdefault(_RECORD, [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if os.environ.get("OZWALD_SOAK"):
        for line in config.stash.get(_RECORD, []):
            terminalreporter.write_line(line)


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write the text as settings.yml and load it."""

    def load_text(text: str, *, environ: Mapping[str, str] | None = None, inventory: Path | None = None) -> Settings:
        (tmp_path / "settings.yml").write_text(text)
        return load_settings(None, inventory=inventory, environ=environ or {}, cwd=tmp_path)

    return load_text


@pytest.fixture
def refuse(load: Load) -> Refuse:
    """Load the text and return the problems it is refused with."""

    def refuse_text(text: str, **options: object) -> tuple[Problem, ...]:
        with pytest.raises(SettingsError) as caught:
            load(text, **options)
        return caught.value.problems

    return refuse_text
