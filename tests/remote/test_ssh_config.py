import getpass
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.host import Host
from ozwald.remote.ssh_config import SshConfig, SshOptions, SshTarget, jump_host

Resolve = Callable[..., SshTarget]


@pytest.fixture
def resolve(tmp_path: Path) -> Resolve:
    def resolved(text: str, host: Host | None = None, **options: Any) -> SshTarget:
        path = tmp_path / "config"
        path.write_text(text)
        return SshConfig(SshOptions(config_file=str(path), **options)).target(host or Host(name="g", address="gpu1"))

    return resolved


def test_without_configuration_openssh_s_defaults_hold(resolve: Resolve) -> None:
    target = resolve("")

    assert (target.address, target.port, target.user) == ("gpu1", 22, getpass.getuser())
    assert (target.identity_files, target.jump, target.proxy_command) == ((), None, None)
    assert target.known_hosts[0] == str(Path("~/.ssh/known_hosts").expanduser())
    assert target.known_hosts[2:] == ("/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2")


def test_the_file_decides_what_the_inventory_leaves_open(resolve: Resolve) -> None:
    target = resolve(
        "Host gpu*\n  HostName 10.0.0.7\n  User ada\n  Port 2222\n  IdentityFile /k/one\n  IdentityFile /k/two\n"
        "  ProxyJump bastion\n  UserKnownHostsFile /k/a /k/b\n  HostKeyAlias pool\n  ConnectTimeout 3\n"
        "  IdentitiesOnly yes\n"
    )

    assert (target.address, target.port, target.user) == ("10.0.0.7", 2222, "ada")
    assert (target.identity_files, target.own_identity) == (("/k/one", "/k/two"), False)
    assert (target.jump, target.host_key_alias) == ("bastion", "pool")
    assert target.known_hosts[:2] == ("/k/a", "/k/b")
    assert (target.connect_timeout_s, target.identities_only) == (3.0, True)


def test_the_inventory_wins(resolve: Resolve) -> None:
    host = Host(name="g", address="gpu1", port=22, user="root", identity_file="/k/mine", jump="box1")
    target = resolve("Host *\n User ada\n Port 2222\n IdentityFile /k/one\n ProxyJump bastion\n", host)

    assert (target.port, target.user, target.jump) == (22, "root", "box1")
    assert (target.identity_files, target.own_identity) == (("/k/mine",), True)


def test_a_jump_of_none_means_direct(resolve: Resolve) -> None:
    assert resolve("Host *\n ProxyJump none\n").jump is None


def test_the_inventory_s_jump_replaces_a_proxy_command(resolve: Resolve) -> None:
    host = Host(name="g", address="gpu1", jump="box1")

    assert resolve("Host *\n ProxyCommand nc %h %p\n", host).proxy_command is None


def test_named_known_hosts_files_are_the_only_ones(resolve: Resolve) -> None:
    assert resolve("Host *\n UserKnownHostsFile /k/a\n", known_hosts=("/k/mine",)).known_hosts == ("/k/mine",)


def test_what_paramiko_cannot_read_is_asked_of_ssh(resolve: Resolve, tmp_path: Path) -> None:
    (tmp_path / "more").write_text("Host gpu1\n  HostName 10.0.0.7\n  IdentityFile /k/one\n")
    target = resolve(f"Include {tmp_path}/more\nMatch exec true\n  User ada\n")

    assert (target.address, target.user, target.identity_files) == ("10.0.0.7", "ada", ("/k/one",))


def test_ssh_s_list_of_default_keys_is_no_choice_of_the_user(resolve: Resolve) -> None:
    assert resolve("Match exec true\n User ada\n").identity_files == ()


def test_a_file_that_nobody_can_read_is_an_error_that_says_so(resolve: Resolve) -> None:
    with pytest.raises(ConnectionFailed, match="SSH configuration") as failed:
        resolve("Include /nowhere\nNoSuchKeyword yes\n")

    assert failed.value.failure is Failure.TERMINAL


@pytest.mark.parametrize(
    ("spec", "address", "user", "port"),
    [
        ("bastion", "bastion", None, None),
        ("ada@bastion:2222", "bastion", "ada", 2222),
        ("[fe80::1]:2222", "fe80::1", None, 2222),
        ("ssh://ada@bastion", "bastion", "ada", None),
    ],
)
def test_a_jump_host_may_be_written_out(spec: str, address: str, user: str | None, port: int | None) -> None:
    host = jump_host(spec, {})

    assert (host.address, host.user, host.port) == (address, user, port)


def test_a_jump_host_of_the_inventory_is_used_as_it_stands_there() -> None:
    box = Host(name="box1", address="10.0.0.1", user="ops")

    assert jump_host("box1", {"box1": box}) is box
