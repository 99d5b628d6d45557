"""ssh_config files read here and by OpenSSH's own client, compared option by option."""

import getpass
import random
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ozwald.errors import ConnectionFailed
from ozwald.model.host import Host
from ozwald.remote.openssh import asked
from ozwald.remote.ssh_config import SshConfig, SshOptions, SshTarget
from ozwald.remote.ssh_config_files import files, plain_text
from ozwald.remote.ssh_tokens import TokenError, Tokens

CORPUS = Path(__file__).with_name("ssh_config_corpus")
PLAIN = sorted(CORPUS.glob("plain/*.conf"))
BEYOND = sorted(CORPUS.glob("beyond/*.conf"))
HOSTS = (
    Host(name="a", address="gpu1"),
    Host(name="b", address="gpu1", user="ada", port=2022),
    Host(name="c", address="gpu2", user="grace"),
    Host(name="d", address="db.example"),
)


def named(path: Path) -> str:
    return path.stem


def target(config: Path, host: Host) -> SshTarget:
    return SshConfig(SshOptions(config_file=str(config))).target(host)


def openssh_values(config: Path, host: Host) -> dict[str, Any]:
    """The oracle: each option that counts, from `ssh -G` alone."""
    words = ["ssh", "-G", "-F", str(config), *(["-l", host.user] if host.user else [])]
    words += ["-p", str(host.port)] if host.port else []
    said = subprocess.run([*words, host.address], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    values: dict[str, Any] = {"identityfile": []}
    for line in said.stdout.splitlines():
        key, _, value = line.partition(" ")
        if key == "identityfile":
            values[key].append(value)
        else:
            values.setdefault(key, value)
    return values


def assert_same(ours: SshTarget, theirs: Mapping[str, Any]) -> None:
    assert ours.address == theirs["hostname"]
    assert str(ours.port) == theirs["port"]
    assert ours.user == theirs["user"]
    assert ours.jump == (theirs.get("proxyjump") if theirs.get("proxyjump") != "none" else None)
    assert (ours.proxy_command is None) == (theirs.get("proxycommand", "none") == "none")
    assert ours.identities_only == (theirs["identitiesonly"] == "yes")
    assert ours.host_key_alias == theirs.get("hostkeyalias")
    assert ours.hash_names == (theirs["hashknownhosts"] == "yes")
    assert ours.connect_timeout_s == (10.0 if theirs["connecttimeout"] == "none" else float(theirs["connecttimeout"]))
    assert ours.address_family == theirs["addressfamily"]
    assert ours.bind_address == theirs.get("bindaddress")
    assert str(ours.rsa_bits) == theirs["requiredrsasize"]


def expanded(names: list[str]) -> list[str]:
    return [str(Path(name).expanduser()) for name in names if name != "none"]


@pytest.mark.parametrize("config", PLAIN, ids=named)
def test_a_plain_file_is_read_as_openssh_reads_it(config: Path) -> None:
    assert plain_text(files(str(config))) is not None
    for host in HOSTS:
        ours, theirs = target(config, host), openssh_values(config, host)
        assert_same(ours, theirs)
        chosen = [name for name in expanded(theirs["identityfile"]) if not name.endswith(DEFAULT_KEYS)]
        assert list(ours.identity_files) == chosen
        if theirs["userknownhostsfile"] != "none":
            known = f"{theirs['userknownhostsfile']} {theirs['globalknownhostsfile']}".split()
            assert list(ours.known_hosts) == expanded(known)


DEFAULT_KEYS = tuple(
    f"/.ssh/id_{kind}" for kind in ("rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk", "xmss", "dsa")
)


@pytest.mark.parametrize("config", BEYOND, ids=named)
def test_a_file_that_says_more_is_left_to_openssh(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OZWALD_TEST_AGENT", "/run/agent")
    assert plain_text(files(str(config))) is None
    for host in HOSTS:
        assert_same(target(config, host), openssh_values(config, host))


def test_random_plain_files_are_read_as_openssh_reads_them(tmp_path: Path) -> None:
    chance = random.Random(20)
    config = tmp_path / "config"
    for _ in range(150):
        config.write_text(random_file(chance))
        host = chance.choice(HOSTS)
        assert plain_text(files(str(config))) is not None
        assert_same(target(config, host), openssh_values(config, host))


def random_file(chance: random.Random) -> str:
    patterns = ["*", "gpu1", "gpu?", "gpu*", "!gpu1", "!*.example", "*.example", "db.example", "g*1", "?pu2"]
    settings = [
        "User ada",
        "User grace",
        "Port 2200",
        "Port 22",
        "HostName 10.0.0.7",
        "HostName box.example",
        "ProxyJump bastion",
        "ProxyJump none",
        "HostKeyAlias pool",
        "ConnectTimeout 7",
        "IdentitiesOnly yes",
        "IdentitiesOnly no",
        "HashKnownHosts yes",
        "ForwardAgent yes",
    ]
    blocks = []
    for _ in range(chance.randint(1, 5)):
        lines = chance.sample(settings, chance.randint(1, 5))
        blocks.append(f"Host {' '.join(chance.sample(patterns, chance.randint(1, 3)))}\n  " + "\n  ".join(lines))
    return "\n".join([*chance.sample(settings, chance.randint(0, 2)), *blocks, ""])


def test_an_include_that_names_hosts_is_left_to_openssh(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(f"Include {CORPUS}/included/hosts.conf\nHost gpu1\n  User ada\n")

    assert plain_text(files(str(config))) is None
    found = target(config, HOSTS[0])
    assert (found.address, found.user, found.identity_files) == ("10.0.0.7", "ada", ("/k/one",))


def test_an_include_without_bearing_needs_no_openssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_text(f"Include {CORPUS}/included/harmless.conf\nHost gpu1\n  User ada\n")
    monkeypatch.setenv("PATH", "/nowhere")

    assert target(config, HOSTS[0]).user == "ada"


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("User ada\n")
    config = SshConfig(SshOptions(config_file=str(path)))
    assert config.target(HOSTS[0]).user == "ada"
    path.write_text("Match all\n  User grace\n")
    assert config.target(HOSTS[0]).user == "grace"
    path.unlink()
    assert config.target(HOSTS[0]).user == getpass.getuser()


LETTERS = "CdhikLlnpru"
TOKENS = Tokens(host="10.0.0.7", original="gpu1", port=2022, user="ada", jump="", alias="pool")


def ssh_verbose(config: Path) -> str:
    words = ["ssh", "-v", "-F", str(config), "-l", "ada", "-p", "2022", "-o", "BatchMode=yes", "gpu1", "true"]
    return subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL).stderr


def test_tokens_in_file_names_stand_for_what_openssh_puts_in_their_place(tmp_path: Path) -> None:
    name = "/k/" + "-".join(f"%{letter}" for letter in LETTERS) + "-%%-${HOME}"
    config = tmp_path / "config"
    config.write_text(f"HostName 10.0.0.7\nHostKeyAlias pool\nProxyCommand false\nIdentityFile {name}\n")

    assert f"identity file {TOKENS.path(name)} type" in ssh_verbose(config)


def test_tokens_in_commands_stand_for_what_openssh_puts_in_their_place(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("HostName 10.0.0.7\nHostKeyAlias pool\nProxyCommand false %h %n %p %r %% ${HOME}\n")

    assert f"exec {TOKENS.command('false %h %n %p %r %% ${HOME}')}" in ssh_verbose(config)
    for letter in set(LETTERS) - set("hnpr"):
        with pytest.raises(TokenError):
            TOKENS.command(f"false %{letter}")


def test_the_lists_of_algorithms_are_openssh_s(tmp_path: Path) -> None:
    found = target(CORPUS / "beyond/algorithms.conf", HOSTS[0]).algorithms
    assert found.chosen("ciphers") == ("aes256-gcm@openssh.com", "aes256-ctr")
    assert found.chosen("kex") == ("curve25519-sha256@libssh.org",)
    assert (found.chosen("macs"), found.chosen("keys")) == (("hmac-sha2-512",), ("ssh-ed25519",))
    assert found.chosen("pubkeys") == ("ssh-ed25519", "rsa-sha2-512")
    assert not found.allows_authority("rsa-sha2-512")

    relative = target(CORPUS / "beyond/algorithms_relative.conf", HOSTS[0]).algorithms
    assert relative.chosen("ciphers") == ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
    assert not any(name.startswith("ecdsa") for name in relative.chosen("keys"))
    assert "hmac-md5" not in relative.chosen("macs")


def test_the_defaults_of_openssh_leave_nothing_out_that_is_offered() -> None:
    values = asked("gpu1", config_file="/dev/null", user=None, port=None)
    everything = target(CORPUS / "plain/empty.conf", HOSTS[0]).algorithms
    for name, kind in (
        ("ciphers", "ciphers"),
        ("macs", "macs"),
        ("kexalgorithms", "kex"),
        ("hostkeyalgorithms", "keys"),
    ):
        theirs = str(values[name]).split(",")
        weaker = [one for one in everything.chosen(kind) if one not in theirs and kind != "kex"]
        assert weaker == []


def test_agents_are_named_by_path_by_variable_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    config = CORPUS / "beyond/agent_socket.conf"
    monkeypatch.setenv("OZWALD_TEST_AGENT", "/run/mine")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/run/usual")

    assert target(config, HOSTS[0]).agent == str(Path("~/.1password/agent.sock").expanduser())
    assert target(config, Host(name="x", address="box1")).agent is None
    assert target(config, HOSTS[3]).agent == "/run/mine"
    assert target(CORPUS / "beyond/agent_variable.conf", HOSTS[0]).agent == "/run/usual"
    assert target(CORPUS / "plain/empty.conf", HOSTS[0]).agent == "/run/usual"


def test_without_openssh_a_file_that_says_more_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert shutil.which("ssh") is None
    with pytest.raises(Exception, match="OpenSSH's `ssh`: install that"):
        target(CORPUS / "beyond/quotes.conf", HOSTS[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ProxyCommand fd-passer %h\nProxyUseFdpass yes\n", "ProxyUseFdpass cannot be done"),
        ("BindInterface eth7\n", "BindInterface eth7 cannot be done: set BindAddress"),
        ("PubkeyAuthentication no\n", "only keys can be used"),
        ("PreferredAuthentications password\n", "only keys can be used"),
        ("IdentityFile %y\n", "%y"),
        ("Port many\n", "Port"),
    ],
)
def test_what_cannot_be_honoured_is_named(text: str, message: str, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(text)
    with pytest.raises(Exception, match="SSH configuration cannot be used") as failed:
        target(config, HOSTS[0])
    assert message.lower() in str(failed.value).lower()


def test_what_is_not_used_is_noted_for_the_day_it_is_missed(tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("PKCS11Provider /lib/p11.so\nKnownHostsCommand /bin/false\n")

    assert [note.partition(" ")[0] for note in target(config, HOSTS[0]).notes] == ["keys", "KnownHostsCommand"]


def test_a_home_folder_of_its_own_has_a_file_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "config").write_text("Match all\n  User ada\n  IdentityFile ~/.ssh/mine\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    found = SshConfig(SshOptions()).target(HOSTS[0])

    assert (found.user, found.identity_files) == ("ada", (f"{tmp_path}/.ssh/mine",))


def test_a_match_that_hangs_ends_in_time_with_what_it_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ozwald.remote.openssh.ASK_S", 0.3)
    config = tmp_path / "config"
    config.write_text('Match exec "sleep 4716 & sleep 4716"\n  User ada\n')
    started = time.monotonic()
    with pytest.raises(ConnectionFailed, match="took longer than"):
        target(config, HOSTS[0])

    assert time.monotonic() - started < 1.3
    assert subprocess.run(["pgrep", "-fx", "sleep 4716"], capture_output=True, check=False).stdout == b""
