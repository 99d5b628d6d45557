"""`ozwald init` writes files that work, once."""

import json
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ozwald.cli import starter
from ozwald.cli.main import cli
from ozwald.config.load import load_settings
from ozwald.model.resources import DockerFacts, HostResources

WITH_DOCKER = HostResources(host="localhost", observed_at=0, docker=DockerFacts(version="28.0"))


@pytest.fixture
def ssh_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "ssh_config"
    path.write_text('Host gpu1 "gpu2"\n  User me\nHost *.example.org !x\nHost *\n')
    monkeypatch.setenv("OZWALD_SSH_CONFIG", str(path))
    return path


def init(directory: Path, *words: str) -> Result:
    return CliRunner().invoke(cli, ["init", *words, str(directory)], catch_exceptions=False)


def test_the_written_files_are_valid_settings(tmp_path: Path, ssh_config: Path) -> None:
    init(tmp_path, "--add-ssh-hosts")

    settings = load_settings(None, inventory=None, environ={}, cwd=tmp_path)

    assert "llama" in settings.realms["default"].definitions
    assert {"gpu1", "gpu2"} <= set(settings.inventory.hosts)
    assert settings.warnings == ()


def test_hosts_that_nobody_chose_are_comments(tmp_path: Path, ssh_config: Path) -> None:
    init(tmp_path)

    text = (tmp_path / "inventory" / "hosts.yml").read_text()

    assert "  # - name: gpu1\n" in text
    assert set(load_settings(None, inventory=None, environ={}, cwd=tmp_path).inventory.hosts) <= {"localhost"}


def test_a_second_time_overwrites_nothing(tmp_path: Path, ssh_config: Path) -> None:
    init(tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    again = init(tmp_path)

    assert again.output.count("kept") == 3
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_the_key_is_fresh_and_for_its_owner_alone(tmp_path: Path, ssh_config: Path) -> None:
    init(tmp_path / "one")
    init(tmp_path / "two")
    written = [(tmp_path / name / ".env").read_text() for name in ("one", "two")]
    keys = [re.findall("^OZWALD_SYSTEM_KEY=(.{32,})$", text, re.MULTILINE) for text in written]

    assert keys[0] != keys[1]
    assert [len(found) for found in keys] == [1, 1]
    assert stat.S_IMODE((tmp_path / "one" / ".env").stat().st_mode) == 0o600


@pytest.mark.parametrize("local", [None, WITH_DOCKER])
@pytest.mark.parametrize("chosen", [[], ["a", "b"]])
@pytest.mark.parametrize("offered", [[], ["a", "b", "c"]])
def test_every_inventory_it_can_write_is_valid(
    tmp_path: Path, local: HostResources | None, chosen: list[str], offered: list[str]
) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "settings.yml").write_text("realms: {}\n")
    (tmp_path / "inventory" / "hosts.yml").write_text(starter.inventory_text(local, chosen, offered))

    hosts = load_settings(None, inventory=None, environ={}, cwd=tmp_path).inventory.hosts

    assert set(hosts) == {*chosen, *(["localhost"] if local else [])}


def test_an_unwritable_place_is_one_line(tmp_path: Path, ssh_config: Path) -> None:
    (tmp_path / "file").write_text("")

    ran = CliRunner().invoke(cli, ["init", str(tmp_path / "file" / "below")])

    assert "cannot write" in str(ran.exception)


def test_explain_names_layer_and_line_and_hides_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    service = {
        "name": "chat",
        "image": "base",
        "environment": {"API_TOKEN": "hush", "MODE": "slow"},
        "profiles": {"fast": {"environment": {"MODE": "quick"}}},
    }
    (tmp_path / "settings.yml").write_text(json.dumps({"realms": {"default": {"service-definitions": [service]}}}))
    monkeypatch.chdir(tmp_path)

    ran = CliRunner().invoke(cli, ["explain", "chat[fast]", "-o", "json"], catch_exceptions=False)

    values = {value["path"]: value for value in json.loads(ran.output)["values"]}
    assert values["environment.MODE"]["value"] == "quick"
    assert values["environment.MODE"]["layer"] == "profile fast"
    assert values["image"]["origin"].startswith("settings.yml:1:")
    assert "hush" not in ran.output
