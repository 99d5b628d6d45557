"""Every example that we ship is valid, and does what its README shows."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from ozwald.cli.main import cli
from ozwald.config.load import load_settings
from ozwald.config.requests import read_requests
from ozwald.planning.provisioners import managed_hosts
from tests.config.ansible_core import ask, meaning, meaning_of, read

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


def shown(readme: Path) -> Iterator[tuple[str, list[str]]]:
    """The commands of a README with the lines that it shows below each."""
    for block in re.findall(r"```console\n(.*?)```", readme.read_text(), re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *lines = part.rstrip().splitlines()
            yield command, lines


@pytest.mark.parametrize("folder", INVENTORIES, ids=lambda folder: folder.name)
def test_an_example_inventory_is_what_its_readme_shows(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder, tmp_path / "inventory")
    (tmp_path / "settings.yml").write_text("realms: {}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/anna")
    commands = dict(shown(folder / "README.md"))

    assert commands
    for command, lines in commands.items():
        ran = CliRunner().invoke(cli, shlex.split(command.removeprefix("ozwald ")), catch_exceptions=False)
        assert [line.rstrip() for line in ran.output.splitlines()] == lines


@pytest.mark.parametrize("name", ["ansible-import", "dynamic-script"])
def test_an_example_for_ansible_means_the_same_to_ansible(name: str, tmp_path: Path) -> None:
    source = str(ROOT / "inventory" / name)

    [answer] = ask([{"sources": [source], "patterns": ["all"]}], tmp_path)

    assert meaning_of(read([source], tmp_path)) == meaning(answer)


def test_the_bastion_of_the_example_runs_no_service(tmp_path: Path) -> None:
    inventory = read([str(ROOT / "inventory" / "behind-a-bastion")], tmp_path)

    assert list(managed_hosts(inventory, inventory.provisioners["lab"], limit=None)) == ["gpu1", "gpu2"]


def test_every_example_folder_is_named_in_its_readme() -> None:
    for readme in (ROOT / "inventory" / "README.md", ROOT / "playbooks" / "README.md"):
        folders = {path.name for path in readme.parent.iterdir() if path.is_dir()}
        assert {name for name in folders if f"({name})" not in readme.read_text()} == set()
