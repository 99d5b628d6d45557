"""`ozwald inventory` shows what the files mean."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from ozwald.cli.main import cli

EXAMPLE = Path(__file__).parents[2] / "inventory" / "mixed-gpus"
CORPUS = Path(__file__).parents[1] / "config" / "ansible_corpus"
GRAPH = """\
@all:
  |--@ungrouped:
  |  |--bastion
  |--@lab:
  |  |--@nvidia:
  |  |  |--rtx1
  |  |  |--rtx2
  |  |--@amd:
  |  |  |--radeon1
"""


@pytest.fixture(autouse=True)
def _settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.yml").write_text("realms: {}\n")
    monkeypatch.chdir(tmp_path)


def shown(*words: str, inventory: Path = EXAMPLE) -> str:
    ran = CliRunner().invoke(cli, ["inventory", "--inventory", str(inventory), *words], catch_exceptions=False)
    return ran.output


def test_the_graph_is_the_one_ansible_draws() -> None:
    assert shown("--graph") == GRAPH


def test_a_pattern_narrows_the_list() -> None:
    assert [host["name"] for host in json.loads(shown("lab:!amd", "-o", "json"))] == ["rtx1", "rtx2"]


def test_a_host_is_shown_with_the_place_of_each_part(tmp_path: Path) -> None:
    inventory = tmp_path / "hosts.ini"
    inventory.write_text(
        "[gpu]\none ansible_host=10.0.0.1 rack=7 ozwald_reserve=\"{'vram': '2g'}\"\n"
        "[gpu:vars]\nadmin_password=hush\nnested=[{'token': 'hush'}]\n"
    )

    text = shown("--host", "one", inventory=inventory)
    document = json.loads(shown("--host", "one", "-o", "json", inventory=inventory))

    assert document["address"] == "10.0.0.1"
    assert document["vars"]["rack"] == 7
    assert (document["origins"]["vars.rack"], document["origins"]["address"]) == ("hosts.ini:2:1", "hosts.ini:2:1")
    assert "hush" not in text + json.dumps(document)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "address 10.0.0.1 hosts.ini:2:1" in lines
    assert "connection ssh default" in lines
    assert "group gpu hosts.ini:2:1" in lines
    assert "reserve.vram 2.00 GiB hosts.ini:2:1" in lines


@pytest.mark.parametrize("form", [("--graph",), ("-o", "json"), ("-o", "yaml"), ()])
def test_odd_names_of_ansible_inventories_are_shown_as_they_are(form: tuple[str, ...]) -> None:
    text = shown(*form, inventory=CORPUS / "unicode.yml")

    for name in ("köln1.example.com", "東京", "a host", "a/b", "-dash", "double--dash", "(paren)", "x:y:z"):
        assert name in text


def test_an_unknown_host_names_the_nearest(tmp_path: Path) -> None:
    ran = CliRunner().invoke(cli, ["inventory", "--inventory", str(EXAMPLE), "--host", "rtx9"])

    assert "did you mean 'rtx" in str(ran.exception)
