"""Every example that we ship is valid."""

from pathlib import Path

import pytest

from ozwald.config.load import load_settings
from ozwald.config.requests import read_requests

ROOT = Path(__file__).parent.parent
PLAYBOOKS = sorted(path.parent for path in ROOT.glob("playbooks/*/settings.yml"))
INVENTORIES = sorted(path for path in (ROOT / "inventory").iterdir() if path.is_dir())


@pytest.mark.parametrize("folder", PLAYBOOKS, ids=lambda folder: folder.name)
def test_a_playbooks_settings_and_wanted_list_are_valid(folder: Path) -> None:
    settings = load_settings(None, inventory=None, environ={}, cwd=folder)

    assert settings.realms["default"].definitions
    assert read_requests(folder / "wanted.yml")


@pytest.mark.parametrize("folder", INVENTORIES, ids=lambda folder: folder.name)
def test_an_example_inventory_is_valid(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("realms: {}\n")

    settings = load_settings(None, inventory=folder, environ={}, cwd=tmp_path)

    assert settings.inventory.hosts


def test_every_example_folder_is_named_in_its_readme() -> None:
    for readme in (ROOT / "inventory" / "README.md", ROOT / "playbooks" / "README.md"):
        folders = {path.name for path in readme.parent.iterdir() if path.is_dir()}
        assert {name for name in folders if f"({name})" not in readme.read_text()} == set()
