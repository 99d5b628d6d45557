"""`ozwald validate` tells everything that is wrong, and hands out the schemas."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from ozwald.cli.main import cli

SPEC_EXAMPLE = Path(__file__).parents[1] / "config" / "spec-example.yml"
HOSTS = {"hosts": [{"name": "gpu1", "ip": "10.0.0.1"}]}


def run(*words: str) -> tuple[int, str]:
    ran = CliRunner().invoke(cli, ["validate", *words], standalone_mode=False, catch_exceptions=False)
    return ran.return_value or 0, ran.output


def test_the_settings_schema_is_whole_and_accepts_hosts() -> None:
    schema = json.loads(run("--schema")[1])

    checker = Draft202012Validator(schema)

    assert list(checker.iter_errors(HOSTS)) == []
    assert list(checker.iter_errors({"hosts": [{"nmae": "gpu1"}]})) != []


@pytest.mark.parametrize("name", ["settings", "inventory", "requests", "footprints"])
def test_every_schema_is_a_valid_schema(name: str) -> None:
    Draft202012Validator.check_schema(json.loads(run("--schema", name)[1]))


def test_the_specs_example_is_valid() -> None:
    code, output = run("--config", str(SPEC_EXAMPLE), "-o", "json")

    assert code == 0
    assert json.loads(output)["valid"]


def test_a_provisioner_that_manages_no_host_is_a_problem(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yml"
    settings.write_text("hosts: {box1: }\nprovisioners:\n  lab:\n    host: box1\n    hosts: gpu*:!box1\n")

    code, output = run("--config", str(settings))

    assert code == 2
    assert "settings.yml:5:12: provisioners.lab.hosts: no host or group 'gpu*'" in output


def test_every_problem_is_listed_with_its_place(tmp_path: Path) -> None:
    settings = tmp_path / "settings.yml"
    settings.write_text("realms:\n  default:\n    service-definitons: []\nhosts: 7\n")

    code, output = run("--config", str(settings), "-o", "json")

    problems = {problem["line"]: problem["message"] for problem in json.loads(output)["problems"]}
    assert code == 2
    assert "did you mean 'service-definitions'" in problems[3]
    assert set(problems) == {3, 4}
