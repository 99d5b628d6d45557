"""A folder with a settings file, and a shorthand that loads it."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from ozwald.config.load import load_settings
from ozwald.errors import Problem, SettingsError
from ozwald.model.settings import Settings

Load = Callable[..., Settings]
Refuse = Callable[..., tuple[Problem, ...]]


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
