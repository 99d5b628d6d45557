"""The corpus of Ansible inventories, and ansible-core's own answers about it."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from ozwald.config.load import load_settings
from ozwald.model.host import Inventory

HERE = Path(__file__).parent
CORPUS = HERE / "ansible_corpus"
# Between the sources of one inventory.
SEPARATOR = "::"
SEVERAL = ("folder::single/hosts.ini", "single/hosts.ini::folder::basic.ini", "order.ini::single/hosts.ini")
CASES = [
    *sorted(path.name for path in CORPUS.iterdir() if path.name != "single"),
    "single/hosts.ini",
    *SEVERAL,
]


# What `ansible-inventory` adds itself.
INTERNAL = {"inventory_file", "inventory_dir"}


def sources(case: str) -> list[str]:
    """The files and folders of a case."""
    return [str(CORPUS / source) for source in case.split(SEPARATOR)]


def read(places: Sequence[str], folder: Path) -> Inventory:
    """What Ozwald reads there; `folder` is for the settings that name them."""
    settings = folder / "settings.yml"
    settings.write_text(json.dumps({"inventory": list(places)}))
    environ = {"PATH": os.environ["PATH"]}
    return load_settings(settings, inventory=None, environ=environ, cwd=folder).inventory


def ask(cases: Sequence[Mapping[str, Any]], folder: Path) -> list[dict[str, Any]]:
    """ansible-core's answers to `{"sources": …, "patterns": …}`, as `ansible_oracle.py` says."""
    if importlib.util.find_spec("ansible") is None:
        pytest.fail("this test compares with the real thing: pip install ansible-core")
    ran = subprocess.run(
        [sys.executable, str(HERE / "ansible_oracle.py"), str(folder)],
        input=json.dumps(cases), env=environment(folder), cwd=folder, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return [json.loads((folder / f"{n}.json").read_text(), object_hook=_as_text) for n in range(len(cases))]


def meaning(answer: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What an answer that was also asked for the pattern `all` says, to compare with `meaning_of`."""
    listing, hosts = answer["listing"], answer["hosts"]["all"]["hosts"]
    groups = {group: _hosts_of(listing, group) for group in listing if group not in ("_meta", "all")}
    variables = {host: listing["_meta"]["hostvars"].get(host, {}) for host in hosts}
    return {
        "variables": {
            host: _written({name: value for name, value in found.items() if name not in INTERNAL})
            for host, found in variables.items()
        },
        "groups": {group: hosts for group, hosts in {**groups, "all": set(hosts)}.items() if hosts},
        "children": {group: body["children"] for group, body in listing.items() if body.get("children")},
    }


def meaning_of(inventory: Inventory) -> dict[str, dict[str, Any]]:
    """Hosts' variables, groups' hosts and groups' children."""
    return {
        "variables": {name: _written(host.vars) for name, host in inventory.hosts.items()},
        "groups": {group: set(hosts) for group, hosts in inventory.groups.items() if hosts},
        "children": {group: list(children) for group, children in inventory.children.items() if children},
    }


def _written(variables: Mapping[str, Any]) -> dict[str, str]:
    """Each as JSON, where 1 is neither true nor 1.0."""
    return {name: json.dumps(value, sort_keys=True) for name, value in variables.items()}


def _hosts_of(listing: Mapping[str, Any], group: str) -> set[str]:
    body = listing.get(group, {})
    below = (_hosts_of(listing, child) for child in body.get("children", ()))
    return set(body.get("hosts", ())).union(*below)


def environment(folder: Path) -> dict[str, str]:
    """Variables for a run of Ansible that knows no configuration but its own."""
    (folder / "ansible.cfg").touch()
    return {
        **os.environ,
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder),
        "ANSIBLE_LOCAL_TEMP": str(folder / "tmp"),
        "ANSIBLE_DEPRECATION_WARNINGS": "0",
        "LC_ALL": "C.UTF-8",
    }


def _as_text(found: dict[str, Any]) -> Any:
    """A text that Ansible marks as one it must not evaluate, without the mark."""
    return found["__ansible_unsafe"] if set(found) == {"__ansible_unsafe"} else found
