"""Logging in to a real sshd: certificates, agents of every mood, and the limits of both sides."""

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ozwald.errors import ConnectionFailed, Failure, HostKeyError
from ozwald.remote.fleet import Fleet
from tests.lab import HostOptions, Lab
from tests.remote.agent import AddKey
from tests.remote.reach import host_of, options_of

pytestmark = pytest.mark.lab

SSHD = ("TrustedUserCAKeys /run/lab/user_ca.pub", "MaxAuthTries 3", "AuthorizedPrincipalsFile none")


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    options = {
        "door": HostOptions(docker=False, sshd=SSHD),
        "vouched": HostOptions(docker=False, sshd=("HostCertificate /run/lab/ssh_host_ed25519_key-cert.pub",)),
        "second": HostOptions(docker=False, sshd=("AuthenticationMethods publickey,publickey",)),
    }
    with Lab.start(tmp_path_factory.mktemp("door") / "lab", options) as running:
        yield running


def keygen(*words: str | Path) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, words)], check=True, capture_output=True)


@pytest.fixture
def authority(door: Lab, tmp_path: Path) -> Path:
    path = tmp_path / "user_ca"
    keygen("-t", "ed25519", "-N", "", "-f", path)
    shutil.copy(path.with_suffix(".pub"), door.hosts["door"].directory / "user_ca.pub")
    return path


@pytest.fixture(params=["ed25519", "rsa", "ecdsa"])
def stranger(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A key that the host does not know."""
    path = tmp_path / f"key_{request.param}"
    keygen("-t", request.param, "-N", "", "-f", path)
    return path


def certify(key: Path, authority: Path, *words: str, into: Path | None = None) -> Path:
    keygen("-s", authority, "-I", "a user", "-n", "ozwald", *words, key.with_name(f"{key.name}.pub"))
    made = key.with_name(f"{key.name}-cert.pub")
    return Path(shutil.move(made, into)) if into else made


def logs_in(door: Lab, *, key: Path | None = None, name: str = "door", config: str = "", agent: bool = False) -> None:
    file = door.directory / "ssh_config"
    file.write_text(config)
    options = options_of(door, config_file=str(file), use_agent=agent)
    with Fleet({}, options=options) as fleet:
        host = host_of(door, name, identity_file=None if key is None else str(key))
        assert fleet.connection(host).run(["id", "-un"], timeout_s=5).stdout == b"ozwald\n"


def refused(door: Lab, **how: object) -> ConnectionFailed:
    with pytest.raises(ConnectionFailed) as error:
        logs_in(door, **how)  # type: ignore[arg-type]
    return error.value


def test_a_certificate_beside_its_key_opens_the_host(door: Lab, authority: Path, stranger: Path) -> None:
    assert refused(door, key=stranger).failure is Failure.TERMINAL
    certify(stranger, authority)
    logs_in(door, key=stranger)


def test_a_certificatefile_opens_the_host(door: Lab, authority: Path, stranger: Path, tmp_path: Path) -> None:
    place = certify(stranger, authority, into=tmp_path / "elsewhere.pub")
    logs_in(door, key=stranger, config=f"CertificateFile {place}\n")
    logs_in(door, config=f"IdentityFile {stranger}\nCertificateFile {place}\n")


def test_an_expired_certificate_does_not_hide_a_key_that_is_allowed(door: Lab, authority: Path, tmp_path: Path) -> None:
    key = tmp_path / "identity"
    shutil.copy(door.identity_file, key)
    shutil.copy(f"{door.identity_file}.pub", f"{key}.pub")
    certify(key, authority, "-V", "20200101:20200102")
    logs_in(door, key=key)


def test_a_certificate_that_the_agent_holds_opens_the_host(
    door: Lab, authority: Path, stranger: Path, agent: AddKey
) -> None:
    certify(stranger, authority)
    agent(stranger)
    stranger.unlink()
    logs_in(door, agent=True)


def test_a_public_key_file_chooses_a_key_of_the_agent(door: Lab, stranger: Path, agent: AddKey, tmp_path: Path) -> None:
    for number in range(4):
        other = tmp_path / f"other{number}"
        keygen("-t", "ed25519", "-N", "", "-f", other)
        agent(other)
    agent(door.identity_file)
    chosen = tmp_path / "chosen.pub"
    shutil.copy(f"{door.identity_file}.pub", chosen)

    logs_in(door, config=f"IdentityFile {chosen}\nIdentitiesOnly yes\n", agent=True)
    logs_in(door, key=chosen, agent=True)
    assert "does not hold its other half" in refused(door, key=Path(f"{stranger}.pub")).message


def test_too_many_keys_are_told_apart_from_a_wrong_one(door: Lab, agent: AddKey, tmp_path: Path) -> None:
    for number in range(5):
        other = tmp_path / f"other{number}"
        keygen("-t", "ed25519", "-N", "", "-f", other)
        agent(other)
    agent(door.identity_file)
    error = refused(door, agent=True)

    assert error.failure is Failure.TERMINAL
    assert "MaxAuthTries" in error.message
    assert "set identity_file" in error.message


def test_a_key_that_the_agent_may_not_use_gives_way_to_the_next(door: Lab, agent: AddKey, tmp_path: Path) -> None:
    guarded = tmp_path / "guarded"
    keygen("-t", "ed25519", "-N", "", "-f", guarded)
    agent("-c", guarded)  # asks somebody at each use, and nobody is there
    agent(door.identity_file)
    logs_in(door, agent=True)


@pytest.fixture
def deaf_agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An agent that takes connections and never says a word."""
    path = tmp_path / "deaf.sock"
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    monkeypatch.setattr("ozwald.remote.agent.LIST_S", 0.3)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        yield


@pytest.mark.usefixtures("deaf_agent")
def test_an_agent_that_hangs_holds_nobody_up(door: Lab) -> None:
    started = time.monotonic()
    logs_in(door, key=door.identity_file, agent=True)
    assert refused(door, agent=True, config="IdentityFile none\n").failure is Failure.TERMINAL

    assert time.monotonic() - started < 0.6 + 1


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\x01\x05", b"\0\0\0\x05\x0c\xff\xff\xff\xff", b"junk" * 100])
def test_an_agent_that_talks_nonsense_has_no_keys(
    door: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    path = tmp_path / "odd.sock"
    monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
    monkeypatch.setattr("ozwald.remote.agent.LIST_S", 0.3)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def talk() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.recv(100)
                peer.sendall(answer)

        talking = threading.Thread(target=talk, daemon=True)
        talking.start()
        logs_in(door, key=door.identity_file, agent=True)
        talking.join(2)


def test_identityagent_none_leaves_the_agent_alone(door: Lab, agent: AddKey) -> None:
    agent(door.identity_file)
    logs_in(door, agent=True)
    assert refused(door, agent=True, config="IdentityAgent none\nIdentityFile none\n").failure is Failure.TERMINAL


def test_a_host_that_wants_two_keys_gets_two(door: Lab, tmp_path: Path, agent: AddKey) -> None:
    other = tmp_path / "other"
    keygen("-t", "ed25519", "-N", "", "-f", other)
    public = other.with_suffix(".pub").read_text()
    door.hosts["second"].shell(f"echo '{public}' >> /home/ozwald/.ssh/authorized_keys", check=True)
    agent(door.identity_file)
    agent(other)
    logs_in(door, name="second", agent=True)


def test_a_locked_key_is_named_when_no_other_opens_the_host(door: Lab, tmp_path: Path, stranger: Path) -> None:
    locked = tmp_path / "locked"
    keygen("-t", "ed25519", "-N", "secret", "-f", locked)
    error = refused(door, config=f"IdentityFile {locked}\nIdentityFile {stranger}\nIdentitiesOnly yes\n")

    assert str(stranger) in error.message
    assert f"{locked} is locked: run `ssh-add {locked}`" in error.message


def openssh_version() -> tuple[int, ...]:
    said = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=True).stderr
    found = re.match(r"OpenSSH_(\d+)\.(\d+)", said)
    assert found is not None
    return int(found[1]), int(found[2])


CERTIFICATES = [
    (("-h", "-n", "{address}"), None),
    (("-h", "-n", "elsewhere"), "it is for elsewhere"),
    (("-h", "-n", "10.*"), None),
    (("-h", "-n", "11.*"), "it is for 11.*"),
    (("-h",), "it names no host"),
    (("-h", "-n", "{address}", "-V", "20200101:20200102"), "not valid now"),
    (("-n", "{address}"), "a user's, not a host's"),
    (("-h", "-n", "{address}", "-O", "critical:x=y"), "critical options"),
]
# Before, it knew no patterns there, and took a certificate that names nobody for any host.
CHANGED_IN_10_3 = (("-h", "-n", "10.*"), ("-h",))


@pytest.mark.parametrize(("words", "problem"), CERTIFICATES, ids=[" ".join(words) for words, _ in CERTIFICATES])
def test_a_host_s_certificate_is_taken_and_refused_as_by_openssh(
    door: Lab, tmp_path: Path, words: tuple[str, ...], problem: str | None
) -> None:
    box = door.hosts["vouched"]
    authority, known = tmp_path / "ca", tmp_path / "known_hosts"
    keygen("-t", "ed25519", "-N", "", "-f", authority)
    told = [word.format(address=box.address) for word in words]
    keygen("-s", authority, "-I", "vouched", *told, box.directory / "ssh_host_ed25519_key.pub")
    known.write_text(f"@cert-authority 10.* {authority.with_suffix('.pub').read_text()}")
    box.stop_sshd()
    box.start_sshd()
    (box.directory / "sshd.log").write_text("")
    strict = ["-o", "StrictHostKeyChecking=yes", "-o", f"UserKnownHostsFile={known}"]
    with Fleet({}, options=options_of(door, known_hosts=(str(known),))) as fleet:
        if problem is None:
            assert fleet.connection(host_of(door, "vouched")).is_open()
        else:
            with pytest.raises(HostKeyError, match=re.escape(problem)):
                fleet.connection(host_of(door, "vouched"))
            assert "Accepted" not in (box.directory / "sshd.log").read_text()
    theirs = subprocess.run(
        [*door.ssh_words(box, options=strict)[:1], *strict, *door.ssh_words(box)[1:], "true"],
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    agrees = words not in CHANGED_IN_10_3 or openssh_version() >= (10, 3)
    assert ((theirs.returncode == 0) == (problem is None)) == agrees
