"""`run` and `exec`: the user's own commands on hosts and in containers."""

import base64
import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from tests.end_to_end.user import User
from tests.lab import Lab
from tests.waiting import eventually

pytestmark = pytest.mark.lab

IMAGE = "lab/quick:1"
WAIT_S = 20.0


def runs(lab: Lab, host: str, words: str) -> bool:
    """Whether a process with these words runs on a host."""
    return lab.hosts[host].shell(f"ps -eo args | grep -qxF '{words}'").returncode == 0


def test_each_host_shows_its_output_and_its_exit_status(user: User) -> None:
    user.has({}, hosts=["box1", "box2"])

    ran = user.types("run", "all", "--", "sh", "-c", "hostname; test $(hostname) = box1")

    assert ran.code == 1
    assert sorted(ran.out.splitlines()) == ["box1 | box1", "box2 | box2"]
    assert ran.err == "box2 ! exit status 1\n"


def test_output_is_shown_while_the_command_runs(user: User, clean_hosts: Lab) -> None:
    user.has({}, hosts=["box1"])
    running = user.starts("run", "box1", "--", "sh", "-c", "echo first; exec sleep 4322")
    assert running.stdout is not None
    try:
        assert running.stdout.readline() == b"box1 | first\n"
        assert running.poll() is None
    finally:
        running.send_signal(signal.SIGINT)

    assert running.wait(WAIT_S) == 130
    assert not runs(clean_hosts, "box1", "sleep 4322")


def test_a_reader_that_leaves_ends_the_commands(user: User, clean_hosts: Lab) -> None:
    user.has({}, hosts=["box1"])
    running = user.starts("run", "box1", "--", "sh", "-c", "while :; do echo 4323; done")
    assert running.stdout is not None
    running.stdout.readline()
    running.stdout.close()

    assert running.wait(WAIT_S) == 141
    assert eventually(lambda: not runs(clean_hosts, "box1", "sh -c while :; do echo 4323; done"))


def test_json_holds_every_byte(user: User) -> None:
    user.has({}, hosts=["box1"])

    ran = user.types("run", "box1", "-o", "json", "--", "printf", r"\377\000\033[1m")

    (result,) = ran.document
    assert result["stdout"] is None
    assert base64.b64decode(result["stdout_base64"]) == b"\xff\x00\x1b[1m"
    assert (result["stderr"], result["exit_status"]) == ("", 0)


def test_a_command_that_hangs_is_ended_on_the_host_too(user: User, clean_hosts: Lab) -> None:
    user.has({}, hosts=["box1"])

    ran = user.types("run", "box1", "--timeout", "1", "--", "sleep", "4321")

    assert ran.code == 1
    assert "ran out of time" in ran.err
    assert not runs(clean_hosts, "box1", "sleep 4321")


def test_output_beyond_the_limit_is_dropped_and_said(user: User) -> None:
    user.has({}, hosts=["box1"])

    ran = user.types("run", "box1", "--max-output", "1", "--", "sh", "-c", "yes | head -c 3000000")

    assert ran.code == 0
    assert ran.out.count("y") == 2**20 / 2
    assert "there was more output" in ran.err


def test_a_script_of_this_machine_runs_on_the_hosts(user: User) -> None:
    user.has({}, hosts=["box1", "box2"])
    (user.folder / "where.sh").write_text("#!/bin/sh -e\necho $1 on $(hostname)\nfalse\necho never\n")

    ran = user.types("run", "all", "--script", "where.sh", "--", "a b")

    assert sorted(ran.out.splitlines()) == ["box1 | a b on box1", "box2 | a b on box2"]
    assert ran.code == 1
    assert "ozwald" not in user.types("run", "all", "--", "ls", "/tmp").out


def test_a_command_in_a_container_ends_with_its_own_code(user: User) -> None:
    user.has({"idle": {"image": IMAGE}}, hosts=["box1"])
    user.types("apply", "idle")

    words = ["sh", "-c", "pwd; echo $A; cat; echo err >&2; exit 9"]
    ran = user.types("exec", "idle", "--env", "A=x y", "--workdir", "/tmp", "--", *words, answer=b"given\xff")

    assert (ran.code, ran.raw_out, ran.err) == (9, b"/tmp\nx y\ngiven\xff", "err\n")
    assert "no running instance 'idel'" in user.types("exec", "idel", "--", "true").err


def test_an_interrupted_command_is_ended_in_its_container(user: User, clean_hosts: Lab) -> None:
    user.has({"idle": {"image": IMAGE}}, hosts=["box1"])
    user.types("apply", "idle")
    running = user.starts("exec", "idle", "--", "sh", "-c", "echo begun; exec sleep 4324")
    assert running.stdout is not None
    running.stdout.readline()
    running.send_signal(signal.SIGINT)

    assert running.wait(WAIT_S) == 130
    assert eventually(lambda: not runs(clean_hosts, "box1", "sleep 4324"))


def test_a_terminal_reaches_into_the_container(user: User, tmp_path: Path) -> None:
    user.has({"idle": {"image": IMAGE}}, hosts=["box1"])
    user.types("apply", "idle")
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    running = subprocess.Popen(
        [sys.executable, "-m", "ozwald", "exec", "idle", "--tty", "--", "sh"],
        cwd=user.folder,
        env=user.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while b"# " not in shown:
        shown += _read(ours)
    os.write(ours, b"until stty size | grep 33; do :; done; tty; exit 4\n")
    while piece := _read(ours):
        shown += piece
    os.close(ours)

    assert running.wait(WAIT_S) == 4
    assert b"33 77\r\n" in shown
    assert b"/dev/pts/" in shown


def _read(terminal: int) -> bytes:
    """What the terminal shows next; none when the program behind it has ended."""
    try:
        return os.read(terminal, 4096)
    except OSError:
        return b""
