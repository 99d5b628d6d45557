"""Programs that are talked to: over a real sshd and on this machine."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.host import Connection, Host
from ozwald.remote.connection import HostConnection
from ozwald.remote.fleet import Fleet
from ozwald.remote.local import LocalConnection
from ozwald.remote.pipes import Pipe
from tests.lab import Lab
from tests.remote.reach import host_of, inventory_of, options_of
from tests.waiting import eventually

ECHO = ["sh", "-c", 'while read -r line; do echo "heard $line"; done; echo over']


@pytest.fixture(params=["local", pytest.param("ssh", marks=pytest.mark.lab)])
def connection(request: pytest.FixtureRequest) -> Iterator[HostConnection]:
    if request.param == "local":
        yield LocalConnection(Host(name="here", address="127.0.0.1", connection=Connection.LOCAL))
        return
    lab = request.getfixturevalue("lab")
    with Fleet(inventory_of(lab), options=options_of(lab)) as fleet:
        yield fleet.connection(host_of(lab, "bare"))


def read_until(pipe: Pipe, text: bytes) -> bytes:
    said, over = b"", time.monotonic() + 10
    while text not in said and time.monotonic() < over:
        said += pipe.recv(4096, 10)
    return said


def test_what_is_said_is_answered_while_it_runs(connection: HostConnection) -> None:
    pipe = connection.begin(ECHO)
    for word in (b"one", b"it's $HOME"):
        pipe.send(word + b"\n", 5)
        assert read_until(pipe, b"\n") == b"heard " + word + b"\n"
    pipe.close_write()

    assert read_until(pipe, b"over") == b"over\n"
    assert pipe.recv(10, 5) == b""
    pipe.close()


def test_a_wait_for_a_program_that_is_silent_ends(connection: HostConnection) -> None:
    pipe = connection.begin(ECHO)

    with pytest.raises(TimeoutError):
        pipe.recv(10, 0.1)
    pipe.close()


def test_a_program_ends_when_its_pipe_is_closed(connection: HostConnection) -> None:
    pipe = connection.begin(["sh", "-c", "echo $$; cat >/dev/null"])
    pid = int(read_until(pipe, b"\n"))

    pipe.close()

    assert eventually(lambda: connection.run(["test", "-e", f"/proc/{pid}"], timeout_s=5).exit_status == 1, 3)


def test_a_program_that_is_not_there_ends_at_once(connection: HostConnection) -> None:
    pipe = connection.begin(["/no/such/program"])
    while pipe.recv(4096, 5):
        pass
    pipe.close()


@pytest.mark.lab
def test_a_host_that_opens_no_further_session_can_be_asked_again(faulty: Lab) -> None:
    with Fleet(inventory_of(faulty), options=options_of(faulty)) as fleet:
        connection = fleet.connection(host_of(faulty, "single"))
        first = connection.begin(["cat"])
        with pytest.raises(ConnectionFailed, match="MaxSessions") as error:
            connection.begin(["cat"])
        first.close()

    assert error.value.failure is Failure.RETRYABLE


@pytest.mark.lab
def test_a_closed_connection_starts_no_program(lab: Lab, tmp_path: Path) -> None:
    with Fleet(inventory_of(lab), options=options_of(lab)) as fleet:
        connection = fleet.connection(host_of(lab, "bare"))
    with pytest.raises(ConnectionFailed, match="the connection is lost") as error:
        connection.begin(["touch", str(tmp_path / "file")])

    assert error.value.failure is Failure.RETRYABLE
