"""Scripts of the controller on a host."""

import os
import signal
import threading
from pathlib import Path

import pytest

from ozwald.model.host import Connection, Host
from ozwald.remote.command import CommandResult
from ozwald.remote.local import LocalConnection
from ozwald.remote.scripts import script_words

HERE = LocalConnection(Host(name="here", address="127.0.0.1", connection=Connection.LOCAL))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the scripts' folders go."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def ran(script: bytes, *arguments: str, timeout_s: float = 10) -> CommandResult:
    return HERE.run(script_words(script, arguments), stdin=script, timeout_s=timeout_s)


def test_a_script_gets_its_arguments_and_gives_its_exit_status(temporary: Path) -> None:
    result = ran(b'printf "%s|" "$@"\nexit 7\n', "a b", "", "$HOME", "it's")
    assert (result.exit_status, result.stdout, result.stderr) == (7, b"a b||$HOME|it's|", b"")
    assert os.listdir(temporary) == []


@pytest.mark.parametrize(
    ("first_line", "body"),
    [
        (b"#!/usr/bin/env python3", b"import sys\nprint(sys.argv[1])\n"),
        (b"#! /bin/sh -e", b"echo $1\nfalse\necho not here\n"),
        (b"", b"echo $1\n"),
    ],
)
def test_the_first_line_names_the_interpreter(temporary: Path, first_line: bytes, body: bytes) -> None:
    assert ran(first_line + b"\n" + body, "x").stdout == b"x\n"


def test_a_script_has_no_input_and_may_be_large(temporary: Path) -> None:
    result = ran(b"#" * 300_000 + b"\ncat\necho end\n")
    assert (result.exit_status, result.stdout) == (0, b"end\n")


def test_a_script_past_its_time_is_gone_with_its_folder(temporary: Path) -> None:
    assert ran(b"sleep 60\n", timeout_s=0.5).timed_out
    assert os.listdir(temporary) == []


def test_an_interrupted_script_is_gone_with_its_folder(temporary: Path) -> None:
    threading.Timer(0.3, HERE.interrupt).start()
    assert ran(b"sleep 60\n").exit_status in (143, 128 + signal.SIGTERM)
    assert os.listdir(temporary) == []
