"""A passphrase is asked for at a terminal, without being shown, and nowhere else."""

import os
import pty
import subprocess
import sys
import time

SCRIPT = "from ozwald.cli.passphrase import ask_passphrase; print([ask_passphrase('/k/one')])"


def test_without_a_terminal_nobody_is_asked() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], input=b"secret\n", capture_output=True, check=True)

    assert (done.stdout, done.stderr) == (b"[None]\n", b"")


def test_at_a_terminal_it_is_asked_for_and_not_shown() -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT], stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    said = read_until(ours, b"/k/one: ")
    os.write(ours, b"secret\n")
    said += read_until(ours, b"]")
    process.wait(10)
    os.close(ours)

    assert b"Passphrase for /k/one: " in said
    assert said.count(b"secret") == 1  # in what the script prints, not as an echo
    assert b"['secret']" in said


def read_until(terminal: int, end: bytes) -> bytes:
    said, deadline = b"", time.monotonic() + 10
    while end not in said and time.monotonic() < deadline:
        said += os.read(terminal, 4096)
    return said
