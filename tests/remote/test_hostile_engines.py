"""Engines that answer with anything but what they are asked."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from ozwald.errors import EngineError
from ozwald.model.host import Connection, Host
from ozwald.remote.local import LocalConnection
from ozwald.remote.probe import probe
from tests.remote.unix_http import json_answer, serving

DEEP = b'{"a":' * 200_000 + b"1" + b"}" * 200_000
HUGE = b'[{"Id": "1", "Created": 1' + b"0" * 4000 + b"}]"
ANSWERS = {
    "no JSON": b"\x00\xff nonsense",
    "a list": b"[1, 2, 3]",
    "a number": b"7",
    "null": b"null",
    "a text": b'"x"',
    "deep JSON": DEEP,
    "not numbers": b'{"CgroupVersion": NaN, "Driver": Infinity}',
    "wrong types": b'{"Runtimes": 5, "SecurityOptions": {"a": 1}, "Warnings": "x", "DiscoveredDevices": [[]]}',
    "terminal commands": b'{"Driver": "\\u001b]0;x\\u0007", "Warnings": ["\\u009b31m"]}',
    "a number beyond all floats": HUGE,
    "half an answer": b'{"Driver": "over',
}


@pytest.fixture
def socket_path(tmp_path: Path) -> Path:
    return tmp_path / "docker.sock"


@pytest.fixture
def connection(socket_path: Path) -> Iterator[LocalConnection]:
    host = Host(name="box1", address="127.0.0.1", connection=Connection.LOCAL, docker_socket=str(socket_path))
    opened = LocalConnection(host)
    yield opened
    opened.close()


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_probe_keeps_the_hosts_facts(connection: LocalConnection, socket_path: Path, body: bytes) -> None:
    with serving(socket_path, lambda line, request: json_answer(body)):
        found = probe(connection)

    assert found.memory_total_bytes
    assert (found.docker is None) == ("docker" in found.missing)
    assert not set(repr(found)) & set("\x1b\x07\x9b")


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS.keys())
def test_a_list_of_containers_is_one_or_an_error_of_that_host(
    connection: LocalConnection, socket_path: Path, body: bytes
) -> None:
    with serving(socket_path, lambda line, request: json_answer(body)), suppress(EngineError):
        assert isinstance(connection.engine().list_containers(), tuple)
