"""Persistent services are read from the settings, and what is wrong with one has its place."""

from pathlib import Path

import pytest

from ozwald.config.load import load_settings
from ozwald.errors import SettingsError
from ozwald.model.request import InstanceRequest
from ozwald.planning.persistent import persistent_requests

REST = """\
hosts: [{name: box1, ip: 10.0.0.1}]
realms:
  other: {service-definitions: [{name: db, image: i}]}
  lab:
    service_definitions:
      - {name: llm, image: i, varieties: {nvidia: , cpu-only: }, profiles: {fast: }}
      - {name: db, image: i}
"""


def requests(folder: Path, entries: str) -> tuple[InstanceRequest, ...]:
    (folder / "settings.yml").write_text(f"{REST}    persistent-services:\n{entries}")
    settings = load_settings(None, inventory=None, environ={}, cwd=folder)
    return persistent_requests(settings.realms, settings.inventory)


def test_entries_are_specs_or_their_parts_of_the_realm_that_they_stand_in(tmp_path: Path) -> None:
    parts = "{name: small, service: llm, variety: cpu-only}"

    assert requests(tmp_path, f"      - db\n      - chat[llm][fast][nvidia]@box*\n      - {parts}\n") == (
        InstanceRequest(realm="lab", name="db", service="db"),
        InstanceRequest(realm="lab", name="chat", service="llm", variety="nvidia", profile="fast", host="box*"),
        InstanceRequest(realm="lab", name="small", service="llm", variety="cpu-only"),
    )


def test_none_is_none(tmp_path: Path) -> None:
    assert requests(tmp_path, "") == ()


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("dbb", "no service 'dbb' in realm 'lab'; did you mean 'db'?"),
        ("db@box7", "no host or group"),
        ("other:db", "no realm 'other'; known: lab"),
        ("llm[llm][slow]", "no variety or profile 'slow'"),
        ("db[db", "is not a service"),
        ("{name: x, service: y}", "no service 'y'"),
        ("{name: x, nam: x}", "the key 'nam' is not known"),
        ("[db]", "must be text or a map"),
    ],
)
def test_what_is_wrong_has_its_place(tmp_path: Path, entry: str, words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        requests(tmp_path, f"      - db\n      - {entry}\n")

    problem = caught.value.problems[0]
    assert (problem.file, problem.line, words in problem.message) == ("settings.yml", 10, True), str(problem)
    assert problem.path.startswith("realms.lab.persistent-services[1]")


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        requests(tmp_path, "      - nothing\n      - db\n      - db[llm]\n")

    assert [one.line for one in caught.value.problems] == [9, 11]
    assert "stands twice" in str(caught.value)
