import multiprocessing
import os
import stat
import subprocess
from pathlib import Path

import pytest

from ozwald.errors import StateError
from ozwald.remote.hostkeys import HostKey, load
from ozwald.remote.known_hosts_file import drop_host_keys, record_host_key

KEY = HostKey(type="ssh-ed25519", blob=b"\x00\x00\x00\x0bssh-ed25519" + b"k" * 32)
OTHER = HostKey(type="ssh-ed25519", blob=b"\x00\x00\x00\x0bssh-ed25519" + b"o" * 32)


def keys(path: Path, name: str) -> list[HostKey]:
    return [line.key for line in load([str(path)]).of(name)]


def write_many(path: str, who: int) -> None:
    for number in range(20):
        record_host_key(path, f"host-{who}-{number}", KEY)
        record_host_key(path, f"mine-{who}", OTHER if number % 2 else KEY, replace=True)


def test_processes_that_write_at_once_lose_nothing_and_mix_nothing(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=write_many, args=(str(path), who)) for who in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0] * 4
    lines = path.read_text().splitlines()
    assert len(lines) == 4 * 20 + 4
    assert all(keys(path, f"host-{who}-{number}") == [KEY] for who in range(4) for number in range(20))
    assert all(keys(path, f"mine-{who}") == [OTHER] for who in range(4))
    assert list(tmp_path.iterdir()) == [path]


def test_new_files_and_folders_are_their_owner_s_alone(tmp_path: Path) -> None:
    path = tmp_path / ".ssh" / "known_hosts"
    record_host_key(str(path), "box1", KEY)

    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_existing_file_keeps_its_mode_when_a_key_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    record_host_key(str(path), "box1", KEY)
    path.chmod(0o644)
    record_host_key(str(path), "box1", OTHER, replace=True)

    assert (keys(path, "box1"), stat.S_IMODE(path.stat().st_mode)) == ([OTHER], 0o644)


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles_known_hosts", tmp_path / "known_hosts"
    record_host_key(str(real), "box1", KEY)
    link.symlink_to(real)
    record_host_key(str(link), "box1", OTHER, replace=True)

    assert link.is_symlink()
    assert keys(real, "box1") == [OTHER]


def test_hashed_names_are_what_ssh_keygen_finds(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    record_host_key(str(path), "[10.0.0.1]:2222", KEY, hashed=True)

    assert path.read_text().startswith("|1|")
    words = ["ssh-keygen", "-F", "[10.0.0.1]:2222", "-f", str(path)]
    assert subprocess.run(words, capture_output=True, check=False).returncode == 0
    record_host_key(str(path), "[10.0.0.1]:2222", OTHER, replace=True, hashed=True)
    assert keys(path, "[10.0.0.1]:2222") == [OTHER]


def test_lines_of_a_host_can_be_dropped(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    record_host_key(str(path), "box1", KEY)
    record_host_key(str(path), "box2", KEY)
    drop_host_keys(str(path), "box1")

    assert (keys(path, "box1"), keys(path, "box2")) == ([], [KEY])


def test_a_form_feed_or_a_line_separator_in_a_comment_survives(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text("box1 ssh-rsa AAAA me\x0c\u2028@cert-authority\r\n", newline="")
    record_host_key(str(path), "box2", KEY, replace=True)

    assert path.read_bytes().startswith("box1 ssh-rsa AAAA me\x0c\u2028@cert-authority\r\n".encode())


@pytest.mark.parametrize("replace", [False, True])
def test_a_file_that_cannot_be_written_is_named_and_left_alone(tmp_path: Path, replace: bool) -> None:
    path = tmp_path / "known_hosts"
    path.write_text("box1 ssh-rsa AAAA\n")
    path.chmod(0o400)
    ran_as_somebody_else(lambda: _must_fail(path, replace=replace), tmp_path)

    assert path.read_text() == "box1 ssh-rsa AAAA\n"
    assert list(tmp_path.iterdir()) == [path]


def _must_fail(path: Path, *, replace: bool) -> None:
    with pytest.raises(StateError, match="cannot record the key in"):
        record_host_key(str(path), "box1", KEY, replace=replace)


def ran_as_somebody_else(work: object, folder: Path) -> None:
    """Root may write everything, so the work is done by a child without its rights."""
    if os.geteuid() != 0:
        work()  # type: ignore[operator]
        return
    for place in (folder, *folder.parents[:2]):
        place.chmod(0o755)
    os.chown(folder, 65534, 65534)
    for file in folder.iterdir():
        os.chown(file, 65534, 65534)
    child = os.fork()
    if child == 0:
        try:
            os.setgid(65534)
            os.setuid(65534)
            work()  # type: ignore[operator]
            os._exit(0)
        except BaseException:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
