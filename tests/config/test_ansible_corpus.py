"""Ansible's inventories mean what `ansible-inventory --list` says they mean."""

from pathlib import Path
from typing import Any

import pytest

from tests.config.ansible_core import CASES, ask, read, sources

# What `ansible-inventory` adds or leaves out itself.
INTERNAL = {"inventory_file", "inventory_dir"}


@pytest.fixture(scope="module")
def listings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    cases = [{"sources": sources(case), "patterns": []} for case in CASES]
    answers = ask(cases, tmp_path_factory.mktemp("listings"))
    return {case: answer["listing"] for case, answer in zip(CASES, answers, strict=True)}


def hosts_of(listing: dict[str, Any], group: str) -> set[str]:
    body = listing.get(group, {})
    below = (hosts_of(listing, child) for child in body.get("children", ()))
    return set(body.get("hosts", ())).union(*below)


@pytest.mark.parametrize("case", CASES)
def test_hosts_and_variables_equal_ansibles(case: str, listings: dict[str, Any], tmp_path: Path) -> None:
    listing = listings[case]
    ours = {name: dict(host.vars) for name, host in read(sources(case), tmp_path).hosts.items()}
    theirs = {name: {} for name in hosts_of(listing, "all")} | listing["_meta"]["hostvars"]
    assert ours == {
        host: {name: value for name, value in found.items() if name not in INTERNAL} for host, found in theirs.items()
    }


@pytest.mark.parametrize("case", CASES)
def test_groups_equal_ansibles(case: str, listings: dict[str, Any], tmp_path: Path) -> None:
    listing = listings[case]
    inventory = read(sources(case), tmp_path)
    ours = {group: set(hosts) for group, hosts in inventory.groups.items() if hosts}
    theirs = {group: hosts_of(listing, group) for group in listing if group != "_meta"}
    assert ours == {group: hosts for group, hosts in theirs.items() if hosts}
    children = {group: body["children"] for group, body in listing.items() if body.get("children")}
    assert {group: list(found) for group, found in inventory.children.items() if found} == children
