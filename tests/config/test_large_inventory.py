"""A fleet of a thousand hosts is read in well under a second."""

import json
import time
from pathlib import Path

import pytest

from ozwald.config.load import load_settings
from ozwald.planning.patterns import select

RACKS = range(40)
ROOMS = range(8)


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Racks of 25 hosts in rooms in two sites in a lab, with a file of variables for every host and group."""
    (tmp_path / "settings.yml").write_text("realms:\n")
    lines = []
    for rack in RACKS:
        lines += [f"[rack{rack}]", f"gpu[{rack * 25:04}:{rack * 25 + 24:04}].lab.example.org"]
    for room in ROOMS:
        lines += [f"[room{room}:children]", *(f"rack{rack}" for rack in RACKS if rack % len(ROOMS) == room)]
    for site in range(2):
        lines += [f"[site{site}:children]", *(f"room{room}" for room in ROOMS if room % 2 == site)]
    (tmp_path / "hosts.ini").write_text("\n".join([*lines, "[lab:children]", "site0", "site1", ""]))
    common = "ansible_user: ops\nansible_ssh_common_args: -J bastion\nozwald_reserve: {vram: 1g}\nntp: [a, b]\n"
    own = "ansible_host: 10.0.0.1\nserial: S1\nslots: [1, 2]\nnic: {mac: '00:11'}\n"
    for folder, names, text in (
        ("group_vars", ("all", "lab", *(f"rack{rack}" for rack in RACKS)), common),
        ("host_vars", (f"gpu{number:04}.lab.example.org" for number in range(1000)), own),
    ):
        (tmp_path / folder).mkdir()
        for name in names:
            (tmp_path / folder / f"{name}.yml").write_text(text)
    return tmp_path


def test_a_thousand_hosts_may_inherit_hundreds_of_variables(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("realms:\n")
    (tmp_path / "hosts.ini").write_text("[gpu]\ngpu[1:1000]\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_text("".join(f"variable{n}: {n}\n" for n in range(500)))
    inventory = load_settings(None, inventory=Path("hosts.ini"), environ={}, cwd=tmp_path).inventory
    assert len(inventory.hosts["gpu1000"].vars) == 500


def test_a_thousand_hosts_with_group_and_host_variables_load_soon(fleet: Path) -> None:
    began = time.process_time()
    inventory = load_settings(None, inventory=Path("hosts.ini"), environ={}, cwd=fleet).inventory
    assert time.process_time() - began < 1
    assert len(inventory.hosts) == 1000
    assert inventory.hosts["gpu0999.lab.example.org"].groups == ("lab", "site1", "room7", "rack39")
    assert (inventory.hosts["gpu0000.lab.example.org"].user, len(select(inventory, "lab:!room1"))) == ("ops", 875)


def test_what_a_script_prints_for_a_thousand_hosts_is_read(tmp_path: Path) -> None:
    variables = {f"gpu{n}": {f"some_variable_{v}": f"value {v} of host {n}" for v in range(90)} for n in range(1000)}
    (tmp_path / "settings.yml").write_text("realms:\n")
    (tmp_path / "hosts.json").write_text(json.dumps({"gpu": list(variables), "_meta": {"hostvars": variables}}))
    inventory = load_settings(None, inventory=Path("hosts.json"), environ={}, cwd=tmp_path).inventory
    assert len(inventory.hosts["gpu999"].vars) == 90
