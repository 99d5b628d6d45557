"""Ansible's inventories mean what `ansible-inventory --list` says they mean."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ozwald.config.load import load_settings
from ozwald.model.host import Inventory
from tests.config.ansible_listings import SEPARATOR

HERE = Path(__file__).parent
CORPUS = HERE / "ansible_corpus"
SEVERAL = ("folder::single/hosts.ini", "single/hosts.ini::folder::basic.ini", "order.ini::single/hosts.ini")
CASES = [
    *sorted(path.name for path in CORPUS.iterdir() if path.name != "single"),
    "single/hosts.ini",
    *SEVERAL,
]
# What `ansible-inventory` adds or leaves out itself.
INTERNAL = {"inventory_file", "inventory_dir"}


@pytest.fixture(scope="module")
def listings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if importlib.util.find_spec("ansible") is None:
        pytest.fail("this test compares with the real thing: pip install ansible-core")
    folder = tmp_path_factory.mktemp("listings")
    (folder / "ansible.cfg").touch()
    environ = {
        **os.environ,
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "LC_ALL": "C.UTF-8",
    }
    command = [sys.executable, str(HERE / "ansible_listings.py"), str(folder)]
    ran = subprocess.run(
        [*command, *(SEPARATOR.join(sources(case)) for case in CASES)],
        env=environ, cwd=folder, capture_output=True, text=True, timeout=100, check=True,
    )  # fmt: skip
    assert json.loads(ran.stdout.splitlines()[-1]) == [], ran.stdout + ran.stderr
    texts = [(folder / f"{number}.json").read_text() for number in range(len(CASES))]
    return {case: json.loads(text, object_hook=as_text) for case, text in zip(CASES, texts, strict=True)}


def as_text(found: dict[str, Any]) -> Any:
    """A text that Ansible marks as one it must not evaluate, without the mark."""
    return found["__ansible_unsafe"] if set(found) == {"__ansible_unsafe"} else found


def sources(case: str) -> list[str]:
    return [str(CORPUS / source) for source in case.split(SEPARATOR)]


def read(case: str, tmp_path: Path) -> Inventory:
    settings = tmp_path / "settings.yml"
    settings.write_text(json.dumps({"inventory": sources(case)}))
    environ = {"PATH": os.environ["PATH"]}
    return load_settings(settings, inventory=None, environ=environ, cwd=tmp_path).inventory


def hosts_of(listing: dict[str, Any], group: str) -> set[str]:
    body = listing.get(group, {})
    below = (hosts_of(listing, child) for child in body.get("children", ()))
    return set(body.get("hosts", ())).union(*below)


@pytest.mark.parametrize("case", CASES)
def test_hosts_and_variables_equal_ansibles(case: str, listings: dict[str, Any], tmp_path: Path) -> None:
    listing = listings[case]
    ours = {name: dict(host.vars) for name, host in read(case, tmp_path).hosts.items()}
    theirs = {name: {} for name in hosts_of(listing, "all")} | listing["_meta"]["hostvars"]
    assert ours == {
        host: {name: value for name, value in found.items() if name not in INTERNAL} for host, found in theirs.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_groups_equal_ansibles(case: str, listings: dict[str, Any], tmp_path: Path) -> None:
    listing = listings[case]
    ours = {group: set(hosts) for group, hosts in read(case, tmp_path).groups.items() if hosts}
    theirs = {group: hosts_of(listing, group) for group in listing if group != "_meta"}
    assert ours == {group: hosts for group, hosts in theirs.items() if hosts}
