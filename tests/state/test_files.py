"""Files are there whole or not at all."""

import os
import signal
import stat
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from ozwald.errors import StateError
from ozwald.state.files import MAX_BYTES, read_text, write_whole


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "file.json"
    file.write_text("old")
    return file


def full_disk(*_: Any, **__: Any) -> NoReturn:
    raise OSError(28, "No space left on device")


def test_what_is_written_is_read_back(path: Path) -> None:
    write_whole(path, "new ünïcödé\n")

    assert read_text(path) == "new ünïcödé\n"


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_text(tmp_path / "nothing") is None


def test_what_never_ends_or_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", Path("/dev/zero"), tmp_path):
        with pytest.raises(StateError, match=r"^cannot read .*: it is not a regular file$"):
            read_text(path)


def test_a_file_larger_than_any_of_ours_is_neither_read_nor_written(path: Path) -> None:
    with pytest.raises(StateError, match=r"it would be larger than 2 MiB$"):
        write_whole(path, "x" * (MAX_BYTES + 1))
    assert path.read_text() == "old"
    path.write_bytes(b"x" * (MAX_BYTES + 1))
    with pytest.raises(StateError, match=r"it is larger than 2 MiB$"):
        read_text(path)


def test_reading_what_is_no_file_leaves_nothing_open(tmp_path: Path) -> None:
    before = len(os.listdir("/dev/fd"))
    with pytest.raises(StateError):
        read_text(tmp_path)
    assert len(os.listdir("/dev/fd")) == before


def test_only_the_owner_can_read_it(path: Path) -> None:
    write_whole(path, "secret")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_nothing_is_left_beside_it(path: Path) -> None:
    write_whole(path, "new")

    assert os.listdir(path.parent) == ["file.json"]


@pytest.mark.parametrize("call", ["fsync", "replace", "fdopen"])
def test_a_write_that_fails_leaves_the_old_content_and_nothing_else(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    monkeypatch.setattr(os, call, full_disk)

    with pytest.raises(StateError, match=r"cannot write .*file\.json: No space left"):
        write_whole(path, "new")

    monkeypatch.undo()
    assert path.read_text() == "old"
    assert os.listdir(path.parent) == ["file.json"]


def test_without_overwrite_the_first_content_stays(path: Path) -> None:
    write_whole(path, "new", overwrite=False)

    assert read_text(path) == "old"
    assert os.listdir(path.parent) == ["file.json"]


def test_a_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot write"):
        write_whole(tmp_path / "gone" / "file", "new")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b"\xff\xfe"),
        lambda path: (path.unlink(), path.mkdir()),
    ],
    ids=["no text", "a folder"],
)
def test_what_cannot_be_read_is_told(path: Path, spoil: Callable[[Path], object]) -> None:
    spoil(path)

    with pytest.raises(StateError, match=r"cannot read .*file\.json"):
        read_text(path)


@pytest.mark.parametrize("call", ["fsync", "replace", "link"])
def test_a_kill_in_the_middle_leaves_the_old_content(path: Path, call: str) -> None:
    program = textwrap.dedent(
        """
        import os, signal, sys
        from pathlib import Path
        from ozwald.state.files import write_whole

        def die(*words, **options):
            os.kill(os.getpid(), signal.SIGKILL)

        setattr(os, sys.argv[2], die)
        write_whole(Path(sys.argv[1]), "new", overwrite=sys.argv[2] != "link")
        """
    )

    died = subprocess.run([sys.executable, "-c", program, str(path), call], check=False)

    assert died.returncode == -signal.SIGKILL
    assert read_text(path) == "old"
