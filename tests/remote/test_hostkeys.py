import base64
import os
import stat
import subprocess
from pathlib import Path

import pytest

from ozwald.errors import Failure, HostKeyError
from ozwald.remote.hostkeys import HostKey, check, known_name, load, parse, preferred_types
from ozwald.remote.known_hosts_file import record_host_key

ED = HostKey(type="ssh-ed25519", blob=b"\x00\x00\x00\x0bssh-ed25519" + b"k" * 32)
OTHER = HostKey(type="ssh-ed25519", blob=b"\x00\x00\x00\x0bssh-ed25519" + b"o" * 32)
RSA = HostKey(type="ssh-rsa", blob=b"\x00\x00\x00\x07ssh-rsa" + b"r" * 64)


def line(names: str, key: HostKey, marker: str = "") -> str:
    return f"{marker} {names} {key.type} {base64.b64encode(key.blob).decode()} a comment\n".lstrip()


def known(text: str, name: str, path: Path) -> list[HostKey]:
    path.write_text(text)
    return [found.key for found in load([str(path)]).of(name)]


@pytest.mark.parametrize(
    ("address", "port", "alias", "name"),
    [
        ("GPU1.example", 22, None, "gpu1.example"),
        ("10.0.0.1", 2222, None, "[10.0.0.1]:2222"),
        ("fe80::1", 2222, None, "[fe80::1]:2222"),
        ("10.0.0.1", 2222, "pool", "pool"),
    ],
)
def test_hosts_are_named_as_openssh_names_them(address: str, port: int, alias: str | None, name: str) -> None:
    assert known_name(address, port, alias) == name


@pytest.mark.parametrize(
    ("names", "name"),
    [
        ("box1", "box1"),
        ("BOX1,10.0.0.1", "10.0.0.1"),
        ("[box1]:2222", "[box1]:2222"),
        ("*.example,!bad.example", "good.example"),
        ("box?", "box1"),
        ("[*]:2222", "[box1]:2222"),
    ],
)
def test_a_line_speaks_of_the_hosts_it_names(tmp_path: Path, names: str, name: str) -> None:
    assert known(line(names, ED), name, tmp_path / "known") == [ED]


@pytest.mark.parametrize(
    ("names", "name"),
    [("box1", "box10"), ("box1", "[box1]:2222"), ("*.example,!bad.example", "bad.example"), ("box[12]", "box1")],
)
def test_a_line_is_silent_about_other_hosts(tmp_path: Path, names: str, name: str) -> None:
    assert known(line(names, ED), name, tmp_path / "known") == []


def test_hashed_names_are_found(tmp_path: Path) -> None:
    path = tmp_path / "known"
    path.write_text(line("[10.0.0.1]:2222", ED))
    subprocess.run(["ssh-keygen", "-H", "-f", str(path)], check=True, capture_output=True)

    assert path.read_text().startswith("|1|")
    assert [found.key for found in load([str(path)]).of("[10.0.0.1]:2222")] == [ED]
    assert load([str(path)]).of("10.0.0.1") == ()


def test_nonsense_in_a_file_is_passed_over() -> None:
    text = (
        "# comment\n\nbox1\nbox1 ssh-ed25519 %%%\n@cert-authority\n@what box1 ssh-ed25519 AAAA\n|1|x|y ssh-rsa AAAA\n"
    )

    found = parse(text + line("box1", ED))
    assert [entry.key for entry in found if "box1" in entry.patterns] == [ED]


def test_files_that_are_not_there_have_no_lines(tmp_path: Path) -> None:
    assert load([str(tmp_path / "none")]).keys == ()


def test_a_recorded_key_is_accepted_beside_others() -> None:
    check("box1", "box1", parse(line("box1", OTHER) + line("box1", ED)), ED)


def test_an_unknown_key_is_refused_with_the_way_out() -> None:
    with pytest.raises(HostKeyError) as refused:
        check("box1", "10.0.0.1", [], ED)

    assert refused.value.failure is Failure.TERMINAL
    assert ED.fingerprint in refused.value.message
    assert "`ozwald trust box1`" in refused.value.message


def test_a_changed_key_is_refused_with_both_fingerprints() -> None:
    with pytest.raises(HostKeyError) as refused:
        check("box1", "box1", parse(line("box1", OTHER), file="/home/me/known"), ED)

    for part in (ED.fingerprint, OTHER.fingerprint, "/home/me/known:1", "ozwald trust --replace box1"):
        assert part in refused.value.message


def test_a_key_of_another_type_than_recorded_counts_as_changed() -> None:
    with pytest.raises(HostKeyError, match="has changed"):
        check("box1", "box1", parse(line("box1", RSA)), ED)


def test_a_revoked_key_is_refused_even_when_recorded() -> None:
    with pytest.raises(HostKeyError, match="revoked"):
        check("box1", "box1", parse(line("*", ED, "@revoked") + line("box1", ED)), ED)


def test_recorded_types_are_asked_for_first() -> None:
    types = ("ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512", "rsa-sha2-256")

    assert preferred_types(parse(line("box1", RSA)), types)[:2] == ("rsa-sha2-512", "rsa-sha2-256")
    assert preferred_types([], types) == types


def test_fingerprints_are_those_of_ssh_keygen(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key")], check=True)
    kind, text = (tmp_path / "key.pub").read_text().split()[:2]
    said = subprocess.run(["ssh-keygen", "-lf", str(tmp_path / "key")], check=True, capture_output=True, text=True)

    assert HostKey(type=kind, blob=base64.b64decode(text)).fingerprint == said.stdout.split()[1]


def test_recording_appends_whole_lines_to_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "ssh" / "known_hosts"
    record_host_key(str(path), "box1", ED)
    with path.open("a") as file:
        file.write("# no newline at the end")
    record_host_key(str(path), "[box2]:2222", OTHER)

    assert [found.key for found in load([str(path)]).of("box1")] == [ED]
    assert [found.key for found in load([str(path)]).of("[box2]:2222")] == [OTHER]
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert stat.S_IMODE(os.stat(path.parent).st_mode) == 0o700


def test_replacing_drops_the_host_s_lines_and_keeps_the_others(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"# mine\n{line('box1,10.0.0.1', OTHER)}{line('box1', RSA)}{line('*.example', RSA)}")
    record_host_key(str(path), "box1", ED, replace=True)

    hosts = load([str(path)])
    assert [found.key for found in hosts.of("box1")] == [ED]
    assert [found.key for found in hosts.of("10.0.0.1")] == [OTHER]
    assert [found.key for found in hosts.of("a.example")] == [RSA]
    assert path.read_text().startswith("# mine\n")
    assert list(tmp_path.iterdir()) == [path]


def test_replacing_finds_hashed_lines(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(line("box1", OTHER))
    subprocess.run(["ssh-keygen", "-H", "-f", str(path)], check=True, capture_output=True)
    record_host_key(str(path), "box1", ED, replace=True)

    assert [found.key for found in load([str(path)]).of("box1")] == [ED]
