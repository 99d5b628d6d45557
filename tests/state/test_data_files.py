"""The controller's data is read whole, bounded and as it is; whatever changes it is noticed."""

import io
import os
import socket
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ozwald.errors import RequestError
from ozwald.model.data import Content
from ozwald.state import data_files
from ozwald.state.data_files import DataChanged, archive, content_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files in folders, a link and a script."""
    folder = tmp_path / "data"
    (folder / "in" / "side").mkdir(parents=True)
    (folder / "a.conf").write_bytes(b"a = 1\n")
    (folder / "in" / "side" / "b.bin").write_bytes(bytes(range(256)) * 3000)
    (folder / "in" / "run.sh").write_bytes(b"#!/bin/sh\n")
    (folder / "in" / "run.sh").chmod(0o755)
    (folder / "latest").symlink_to("in/side")
    return folder


def unpacked(source: Path, **options: object) -> dict[str, tarfile.TarInfo]:
    content = content_of(str(source))
    packed = io.BytesIO(b"".join(archive(str(source), content, **options)))  # type: ignore[arg-type]
    with tarfile.open(fileobj=packed) as tar:
        return {member.name: member for member in tar.getmembers()}


class TestContent:
    @pytest.mark.parametrize(
        "change",
        [
            lambda folder: (folder / "a.conf").write_bytes(b"a = 2\n"),
            lambda folder: (folder / "a.conf").chmod(0o600),
            lambda folder: (folder / "a.conf").rename(folder / "b.conf"),
            lambda folder: (folder / "empty").mkdir(),
            lambda folder: (folder / "latest").unlink() or (folder / "latest").symlink_to("in"),
            lambda folder: (folder / "a.conf").unlink() or (folder / "a.conf").symlink_to("in"),
        ],
        ids=["content", "mode", "name", "new folder", "link's target", "file to link"],
    )
    def test_whatever_a_container_would_see_changes_the_digest(
        self, folder: Path, change: Callable[[Path], object]
    ) -> None:
        before = content_of(str(folder))

        change(folder)

        assert content_of(str(folder)).digest != before.digest

    def test_times_and_the_folders_place_do_not(self, folder: Path, tmp_path: Path) -> None:
        before = content_of(str(folder))

        os.utime(folder / "a.conf", (1, 1))
        folder.rename(tmp_path / "elsewhere")

        assert content_of(str(tmp_path / "elsewhere")) == before

    def test_bytes_that_move_between_a_name_and_its_content_change_it(self, tmp_path: Path) -> None:
        for name, content in (("a", b"bc"), ("ab", b"c")):
            (tmp_path / name).mkdir()
            (tmp_path / name / name).write_bytes(content)

        assert content_of(str(tmp_path / "a")).digest != content_of(str(tmp_path / "ab")).digest

    def test_its_size_is_that_of_the_files(self, folder: Path) -> None:
        assert content_of(str(folder)).size_bytes == 6 + 768_000 + 10

    def test_a_single_file_is_told_from_a_folder(self, folder: Path) -> None:
        assert content_of(str(folder / "a.conf")).is_file
        assert not content_of(str(folder)).is_file

    def test_a_source_that_is_a_link_stands_for_what_it_leads_to(self, folder: Path) -> None:
        assert content_of(str(folder / "latest")) == content_of(str(folder / "in" / "side"))

    def test_names_that_are_no_text_are_read(self, folder: Path) -> None:
        before = content_of(str(folder))

        Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_bytes(b"")

        assert content_of(str(folder)).digest != before.digest


class TestRefused:
    def test_a_source_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(RequestError, match=f"cannot read {tmp_path}/none: No such file or directory"):
            content_of(f"{tmp_path}/none")

    def test_a_named_pipe_which_would_be_waited_for(self, folder: Path) -> None:
        os.mkfifo(folder / "pipe")

        with pytest.raises(RequestError, match=f"{folder}/pipe is a named pipe, which cannot be brought"):
            content_of(str(folder))

    def test_a_socket(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("s")

            with pytest.raises(RequestError, match="is a socket"):
                content_of(str(tmp_path))

    def test_a_device(self) -> None:
        with pytest.raises(RequestError, match="/dev/null is a device"):
            content_of("/dev/null")

    def test_more_than_the_limit_before_it_is_read(self, tmp_path: Path) -> None:
        with (tmp_path / "huge").open("wb") as file:
            file.truncate(data_files.LIMIT_BYTES + 1)

        with pytest.raises(RequestError, match=f"{tmp_path} holds more than 4.00 GiB, too much to be sent; put it on"):
            content_of(str(tmp_path))

    def test_more_files_than_the_limit(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(data_files, "LIMIT_ENTRIES", 5)

        with pytest.raises(RequestError, match="holds more than 5 files"):
            content_of(str(folder))


class TestArchive:
    def test_it_holds_everything_as_roots(self, folder: Path) -> None:
        members = unpacked(folder)

        assert list(members) == [".", "a.conf", "in", "in/run.sh", "in/side", "in/side/b.bin", "latest"]
        assert members["in/run.sh"].mode == 0o755
        assert (members["latest"].issym(), members["latest"].linkname) == (True, "in/side")
        assert {(member.uid, member.gid, member.uname) for member in members.values()} == {(0, 0, "root")}
        assert members["a.conf"].mtime == int((folder / "a.conf").stat().st_mtime)

    def test_contents_arrive_byte_for_byte(self, folder: Path, tmp_path: Path) -> None:
        packed = io.BytesIO(b"".join(archive(str(folder), content_of(str(folder)))))

        with tarfile.open(fileobj=packed) as tar:
            tar.extractall(tmp_path / "there", filter="tar")

        assert content_of(str(tmp_path / "there")) == content_of(str(folder))

    def test_a_file_has_the_name_it_is_given(self, folder: Path) -> None:
        assert list(unpacked(folder / "a.conf", name="etc/app.conf")) == ["etc/app.conf"]

    def test_long_names_and_names_that_are_no_text_survive(self, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        names = {b"n" * 200, b"\xff\xfe", "grüße".encode()}
        for name in names:
            Path(os.fsdecode(os.fsencode(tmp_path / "data") + b"/" + name)).write_bytes(b"x")

        assert {os.fsencode(name) for name in unpacked(tmp_path / "data")} == names | {b"."}

    def test_it_comes_in_pieces_and_says_how_far_it_is(self, folder: Path) -> None:
        told: list[int] = []

        pieces = list(archive(str(folder), content_of(str(folder)), on_sent=told.append))

        assert max(map(len, pieces)) <= 2 * data_files.PIECE
        assert told == sorted(told)
        assert len(told) >= 2


class TestChanged:
    @pytest.mark.parametrize("size", [0, 5, 7])
    def test_a_file_that_changed_since_the_plan_ends_the_archive(self, folder: Path, size: int) -> None:
        content = content_of(str(folder))
        (folder / "a.conf").write_bytes(b"x" * size)

        with pytest.raises(DataChanged, match=f"{folder} was changed while it was read; apply again"):
            list(archive(str(folder), content))

    def test_a_file_that_shrinks_while_it_is_sent_ends_the_archive(self, folder: Path) -> None:
        content = content_of(str(folder))
        pieces = archive(str(folder), content)
        next(pieces)
        os.truncate(folder / "in" / "side" / "b.bin", 300_000)

        with pytest.raises(DataChanged):
            list(pieces)

    def test_a_file_that_becomes_a_link_is_not_followed(self, folder: Path) -> None:
        entries = iter_entries(folder)
        next(entries)
        (folder / "a.conf").unlink()
        (folder / "a.conf").symlink_to("/etc/passwd")

        assert b"root" not in b"".join(entries)

    def test_an_archive_that_was_ended_is_not_complete(self, folder: Path) -> None:
        received: list[bytes] = []

        with pytest.raises(DataChanged):
            received.extend(archive(str(folder), Content(digest="of something else", size_bytes=0)))

        assert bytes(1024) != b"".join(received)[-1024:]


def iter_entries(folder: Path) -> Iterator[bytes]:
    for part in data_files._read(str(folder)):
        yield part if isinstance(part, bytes) else b""
