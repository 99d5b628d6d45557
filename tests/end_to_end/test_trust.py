"""`ozwald trust` as a whole process: what it shows, asks, records and refuses."""

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.user import User
from tests.lab import HostOptions, Lab

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    options = {"gate": HostOptions(docker=False), "behind": HostOptions(docker=False, jump="gate")}
    with Lab.start(tmp_path_factory.mktemp("gated") / "lab", options) as running:
        yield running


@pytest.fixture
def newcomer(gated: Lab, tmp_path: Path) -> User:
    """A user who knows no host yet."""
    user = User(tmp_path, gated)
    user.known_hosts.unlink()
    user.has({}, hosts=["gate", "behind"])
    return user


def fingerprint(lab: Lab, name: str) -> str:
    words = ["ssh-keygen", "-lf", str(lab.hosts[name].directory / "ssh_host_ed25519_key.pub")]
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()[1]


def types_at_a_terminal(user: User, *words: str, answer: str) -> tuple[int, str]:
    """Runs a command whose standard input is a terminal."""
    ours, theirs = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "ozwald", *words],
            cwd=user.folder,
            env=user.environment,
            stdin=theirs,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        os.write(ours, answer.encode())
        out, _ = process.communicate(timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    return process.returncode, out.decode()


def test_jump_hosts_are_shown_and_recorded_before_those_behind_them(newcomer: User, gated: Lab) -> None:
    ran = newcomer.types("trust", "all", "--yes")

    assert ran.code == 0, ran.err
    for name in ("gate", "behind"):
        assert fingerprint(gated, name) in ran.out
    assert ran.out.index("recorded gate") < ran.out.index("recorded behind")
    assert newcomer.types("run", "all", "--", "true").code == 0
    again = newcomer.types("trust", "all")
    assert (again.code, "recorded gate" in again.out) == (0, False)


def test_a_jump_host_that_nobody_named_is_trusted_on_the_way(newcomer: User, gated: Lab) -> None:
    ran = newcomer.types("trust", "behind", "--yes")

    assert ran.code == 0, ran.err
    assert "recorded gate" in ran.out
    assert "gate" not in newcomer.types("trust", "behind").out


def test_without_a_terminal_and_without_yes_nothing_is_recorded(newcomer: User) -> None:
    ran = newcomer.types("trust", "gate", answer=b"y\n")

    assert ran.code == 2
    assert "--yes" in ran.err
    assert not newcomer.known_hosts.exists()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1)])
def test_at_a_terminal_it_asks_and_no_is_the_default(newcomer: User, answer: str, code: int) -> None:
    ended, said = types_at_a_terminal(newcomer, "trust", "gate", answer=answer)

    assert (ended, newcomer.known_hosts.exists()) == (code, code == 0), said
    assert "record 1 key? [y/N]" in said


def test_a_changed_key_is_shown_with_both_fingerprints_and_replaced_only_when_told(newcomer: User, gated: Lab) -> None:
    gate, behind = (gated.hosts[name] for name in ("gate", "behind"))
    newcomer.known_hosts.write_text(f"{gate.address} {behind.host_key}\n")
    ran = newcomer.types("trust", "gate", "--yes")

    assert ran.code == 1
    assert fingerprint(gated, "gate") in ran.err
    assert fingerprint(gated, "behind") in ran.err
    assert "--replace" in ran.err
    assert gate.host_key not in newcomer.known_hosts.read_text()

    assert newcomer.types("trust", "gate", "--yes", "--replace").code == 0
    assert newcomer.known_hosts.read_text() == f"{gate.address} {gate.host_key}\n"


def test_a_replaced_key_goes_from_every_file_that_has_it(newcomer: User, gated: Lab) -> None:
    gate, behind = (gated.hosts[name] for name in ("gate", "behind"))
    other = newcomer.folder / "second_known_hosts"
    other.write_text(f"{gate.address} {behind.host_key}\nelsewhere {behind.host_key}\n")
    config = f"UserKnownHostsFile {newcomer.known_hosts} {other}\nGlobalKnownHostsFile /dev/null\n"
    (newcomer.folder / "ssh_config").write_text(config)

    assert newcomer.types("trust", "gate", "--yes", "--replace").code == 0
    assert other.read_text() == f"elsewhere {behind.host_key}\n"


def test_a_revoked_key_is_never_recorded(newcomer: User, gated: Lab) -> None:
    newcomer.known_hosts.write_text(f"@revoked * {gated.hosts['gate'].host_key}\n")
    ran = newcomer.types("trust", "gate", "--yes", "--replace")

    assert ran.code == 1
    assert "revoked" in ran.err
    assert newcomer.known_hosts.read_text().count("\n") == 1


def test_names_are_hashed_where_ssh_config_says_so(newcomer: User, gated: Lab) -> None:
    with (newcomer.folder / "ssh_config").open("a") as config:
        config.write("HashKnownHosts yes\n")

    assert newcomer.types("trust", "gate", "--yes").code == 0
    assert newcomer.known_hosts.read_text().startswith("|1|")
    assert gated.hosts["gate"].address not in newcomer.known_hosts.read_text()
    assert newcomer.types("run", "gate", "--", "true").code == 0


def test_a_host_that_is_down_leaves_the_others_trusted(newcomer: User, gated: Lab) -> None:
    gated.hosts["behind"].stop_sshd()
    try:
        ran = newcomer.types("trust", "all", "--yes")
    finally:
        gated.hosts["behind"].start_sshd()

    assert ran.code == 1
    assert "recorded gate" in ran.out
    assert "unreachable: behind:" in ran.err


def test_runs_at_the_same_moment_lose_no_key(newcomer: User, gated: Lab) -> None:
    runs = [threading.Thread(target=newcomer.types, args=("trust", "all", "--yes")) for _ in range(4)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()

    known = newcomer.known_hosts.read_text().splitlines()
    assert {f"{host.address} {host.host_key}" for host in gated.hosts.values()} == set(known)


def test_a_known_hosts_that_cannot_be_written_is_an_error_that_names_it(newcomer: User) -> None:
    newcomer.known_hosts.mkdir()
    ran = newcomer.types("trust", "gate", "--yes")

    assert ran.code == 5
    assert f"cannot record the key in {newcomer.known_hosts}" in ran.err
