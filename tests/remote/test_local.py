import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from ozwald.errors import EngineError
from ozwald.model.host import Connection, Host
from ozwald.remote.command import shell_words
from ozwald.remote.local import LocalConnection, _SocketPipe
from tests.waiting import eventually

HERE = LocalConnection(Host(name="here", address="127.0.0.1", connection=Connection.LOCAL))


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def ends_soon(pid: int) -> bool:
    """Its descriptors are closed a moment before it counts as ended."""
    return eventually(lambda: not is_alive(pid), 2)


def test_words_reach_the_command_as_they_are() -> None:
    result = HERE.run(["printf", "%s|", "a b", "$HOME", "it's"], timeout_s=5)

    assert (result.exit_status, result.stdout) == (0, b"a b|$HOME|it's|")


def test_shell_text_is_run_by_a_shell() -> None:
    result = HERE.run(shell_words("echo out; echo err >&2; exit 3"), timeout_s=5)

    assert (result.exit_status, result.stdout, result.stderr) == (3, b"out\n", b"err\n")


def test_a_command_that_does_not_exist_ends_like_in_a_shell() -> None:
    assert HERE.run(["/no/such/command"], timeout_s=5).exit_status == 127


def test_a_command_past_its_time_is_ended_with_its_children() -> None:
    started = time.monotonic()
    result = HERE.run(shell_words("sleep 60 & echo $!; sleep 60; echo late"), timeout_s=0.3)

    assert time.monotonic() - started < 3
    assert (result.exit_status, result.timed_out) == (124, True)
    assert ends_soon(int(result.stdout))


def test_a_command_that_ignores_its_end_is_killed() -> None:
    result = HERE.run(shell_words("trap '' TERM; while :; do sleep 1; done"), timeout_s=0.2)

    assert result.timed_out


def test_large_input_and_output_pass_each_other() -> None:
    content = bytes(range(256)) * 20_000
    result = HERE.run(["cat"], stdin=content, timeout_s=20)

    assert (result.stdout == content, result.truncated) == (True, False)


def test_output_beyond_the_limit_is_dropped() -> None:
    result = HERE.run(shell_words("yes | head -c 1000000"), timeout_s=20, limit_bytes=10)

    assert (result.stdout, result.truncated, result.exit_status) == (b"y\n" * 5, True, 0)


def test_input_that_nobody_reads_does_no_harm() -> None:
    assert HERE.run(["true"], stdin=b"x" * 1_000_000, timeout_s=5).exit_status == 0


def test_an_interrupted_command_ends_with_its_signal() -> None:
    threading.Timer(0.2, HERE.interrupt).start()

    assert HERE.run(["sleep", "60"], timeout_s=30).exit_status == 128 + signal.SIGTERM


def test_no_descriptor_is_left_open() -> None:
    HERE.run(["true"], timeout_s=5)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        HERE.run(["true"], stdin=b"x", timeout_s=5)

    assert len(os.listdir("/proc/self/fd")) == before


def test_a_machine_without_docker_says_what_to_do() -> None:
    host = Host(name="here", address="", connection=Connection.LOCAL, docker_socket="/nowhere/docker.sock")

    with pytest.raises(EngineError, match=r"no Docker Engine at /nowhere/docker\.sock: install docker.io"):
        LocalConnection(host).engine()


def test_docker_host_names_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/mine.sock")
    with pytest.raises(EngineError, match=r"/nowhere/mine\.sock"):
        HERE.engine()
    monkeypatch.setenv("DOCKER_HOST", "tcp://10.0.0.1:2375")
    with pytest.raises(EngineError, match="only unix:// sockets"):
        HERE.engine()


def test_with_become_a_closed_socket_is_reached_through_sudo_and_says_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sudo = tmp_path / "sudo"
    sudo.write_text("#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n")
    sudo.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("socket.socket.connect", _denied)
    host = Host(name="here", address="", connection=Connection.LOCAL, docker_socket="/run/x.sock", become=True)
    before = len(os.listdir("/proc/self/fd"))

    with pytest.raises(EngineError, match="sudo without a password was refused: sudo: a password is required"):
        LocalConnection(host).engine()
    assert len(os.listdir("/proc/self/fd")) == before


def _denied(*_: object) -> None:
    raise PermissionError


def test_a_pipe_that_is_closed_wakes_the_thread_that_reads_it() -> None:
    ours, theirs = socket.socketpair()
    pipe = _SocketPipe(ours)
    read: list[object] = []

    def reading() -> None:
        try:
            read.append(pipe.recv(1, None))
        except OSError:
            read.append(b"")

    reader = threading.Thread(target=reading)
    reader.start()
    reader.join(0.1)
    assert reader.is_alive()
    pipe.close()
    reader.join(5)
    theirs.close()

    assert read == [b""]
