"""psutil and the script tell the same of one machine."""

import getpass
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import pytest

from ozwald.model.host import Connection, Host
from ozwald.model.resources import DockerFacts, HostResources
from ozwald.remote import this_machine
from ozwald.remote.local import LocalConnection
from ozwald.remote.probe import probe

MIB = 1 << 20


@pytest.fixture
def local() -> Iterator[LocalConnection]:
    connection = LocalConnection(Host(name="here", address="127.0.0.1", connection=Connection.LOCAL))
    yield connection
    connection.close()


def test_both_ways_tell_the_same(local: LocalConnection) -> None:
    script, psutil = probe(local, platform="linux"), probe(local, platform="darwin")

    for fact in ("os", "kernel", "architecture", "cpu_count", "cpu_cores", "memory_total_bytes", "swap_total_bytes"):
        assert getattr(psutil, fact) == getattr(script, fact), fact
    for fact, tolerance in (("memory_available_bytes", 512 * MIB), ("disk_total_bytes", MIB), ("load_1m", 1)):
        assert getattr(psutil, fact) == pytest.approx(getattr(script, fact), abs=tolerance), fact
    assert psutil.docker == script.docker


class KeepsDataElsewhere(LocalConnection):
    def engine(self) -> Any:
        return SimpleNamespace(facts=lambda: DockerFacts(version="1", root_dir="/dev/shm"))


def test_the_disk_is_that_of_the_engines_data() -> None:
    found = probe(KeepsDataElsewhere(Host(name="here", address="127.0.0.1", connection=Connection.LOCAL)))

    assert found.disk_total_bytes == shutil.disk_usage("/dev/shm").total != shutil.disk_usage("/").total


def test_the_disk_is_the_same(local: LocalConnection) -> None:
    found = this_machine.read("here", 0.0)

    assert found.disk_free_bytes == pytest.approx(shutil.disk_usage("/").free, abs=512 * MIB)


def test_who_listens_here_is_named_with_its_process() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = [one for one in this_machine.read("here", 0.0).listeners or () if one.port == server.getsockname()[1]]

    (one,) = found
    assert (one.protocol, one.address, one.pid, one.user) == ("tcp", "127.0.0.1", os.getpid(), getpass.getuser())
    assert one.command


def test_every_fact_that_is_none_has_its_reason() -> None:
    found = this_machine.read("here", 5.0)

    assert (found.host, found.observed_at) == ("here", 5.0)
    silent = {field.name for field in fields(HostResources) if getattr(found, field.name) is None}
    assert silent == found.missing.keys() | {"docker"}


def test_a_system_that_refuses_costs_that_fact_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise OSError("no swap here")

    monkeypatch.setattr("psutil.swap_memory", refuse)

    found = this_machine.read("here", 0.0)
    assert found.swap_total_bytes is None
    assert found.missing["swap_free_bytes"] == "the system refused: no swap here"
    assert found.memory_total_bytes


def test_another_system_has_its_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.system", lambda: "Darwin")
    monkeypatch.setattr("platform.mac_ver", lambda: ("15.1", ("", "", ""), "arm64"))

    assert this_machine.read("here", 0.0).os == "macOS 15.1"
