"""How a host of an Ansible inventory is reached, and what is refused by name."""

import time
from pathlib import Path

import pytest

from ozwald.config.ansible.names import PatternError, expand
from ozwald.config.ansible.scripts import run_inventory
from ozwald.config.load import load
from ozwald.config.problems import RefusedError
from ozwald.errors import Problem, SettingsError
from ozwald.model.host import Connection, Host, Reserve
from ozwald.model.settings import Settings


def settings(tmp_path: Path, text: str, name: str = "hosts.ini", **environ: str) -> Settings:
    (tmp_path / "settings.yml").write_text("realms:\n")
    (tmp_path / name).write_text(text)
    return load(None, inventory=Path(name), environ=environ, cwd=tmp_path).settings


def problems(tmp_path: Path, text: str, name: str = "hosts.ini") -> tuple[Problem, ...]:
    with pytest.raises(SettingsError) as caught:
        settings(tmp_path, text, name)
    return caught.value.problems


def host(tmp_path: Path, words: str, name: str = "h") -> Host:
    return settings(tmp_path, f"{name} {words}\n", HOME="/home/me").inventory.hosts[name]


def test_a_host_has_what_its_variables_say(tmp_path: Path) -> None:
    found = host(
        tmp_path,
        "ansible_host=10.0.0.1 ansible_port=2222 ansible_user=oz ansible_ssh_private_key_file=~/.ssh/k"
        " ansible_become=yes ansible_ssh_common_args='-o ProxyJump=me@bastion:22' rack=a",
    )
    assert (found.address, found.port, found.user) == ("10.0.0.1", 2222, "oz")
    assert (found.identity_file, found.jump, found.become) == ("/home/me/.ssh/k", "me@bastion:22", True)
    assert (found.connection, found.groups, found.vars["rack"]) == (Connection.SSH, ("ungrouped",), "a")


@pytest.mark.parametrize(
    ("name", "words", "connection"),
    [
        ("h", "", Connection.SSH),
        ("h", "ansible_host=127.0.0.1", Connection.SSH),
        ("127.0.0.1", "", Connection.SSH),
        ("h", "ansible_connection=local", Connection.LOCAL),
        ("localhost", "", Connection.LOCAL),
        ("localhost", "ansible_connection=ssh", Connection.SSH),
        ("localhost", "ansible_port=2222", Connection.SSH),
        ("h", "ansible_connection=smart", Connection.SSH),
    ],
)
def test_only_the_word_local_or_the_name_localhost_is_local(
    tmp_path: Path, name: str, words: str, connection: Connection
) -> None:
    assert host(tmp_path, words, name).connection is connection


@pytest.mark.parametrize(
    ("arguments", "jump"),
    [
        ("-J b", "b"),
        ("-Jb,c", "b,c"),
        ("-o ProxyJump=b", "b"),
        ("-oproxyjump=b", "b"),
        ('-o \\"ProxyJump b\\"', "b"),
        ("-o ProxyJump=none", None),
        ("", None),
    ],
)
def test_jump_hosts_are_read_from_sshs_arguments(tmp_path: Path, arguments: str, jump: str | None) -> None:
    assert host(tmp_path, f'ansible_ssh_common_args="{arguments}"').jump == jump


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("ansible_host={{address}}", "hosts.ini:1:1: h.ansible_host: is a Jinja template"),
        ("ansible_port=ssh", "must be a port between 1 and 65535"),
        ("ansible_port=0", "must be a port between 1 and 65535"),
        ("ansible_connection=winrm", "a kind of connection that Ozwald does not have; known: ssh, local"),
        ("ansible_become=maybe", "must be true or false"),
        ("ansible_become=yes ansible_become_method=su", "Ozwald becomes root with 'sudo -n'"),
        ("ansible_become=yes ansible_become_user=app", "Ozwald becomes root with 'sudo -n'"),
        ("ansible_user='[1]'", "must be a single value"),
        (
            "ansible_ssh_common_args='-o ProxyCommand=\"nc x\"'",
            "the ssh option 'ProxyCommand' is not",
        ),
        ("ansible_ssh_common_args='-o StrictHostKeyChecking=no'", "'StrictHostKeyChecking' is not supported"),
        ("ansible_ssh_extra_args='-J a -o Port=3'", "h.ansible_ssh_extra_args: the ssh option 'Port'"),
        ("ansible_ssh_args=-C", "only '-o ProxyJump=HOST' and '-J HOST'"),
        ("ansible_ssh_common_args=-J", "names no jump host"),
    ],
)
def test_what_cannot_be_honoured_is_named(tmp_path: Path, words: str, sentence: str) -> None:
    (found,) = problems(tmp_path, f"h {words}\n")
    assert sentence in str(found)


def test_a_vault_secret_is_refused_only_where_a_connection_needs_it(tmp_path: Path) -> None:
    text = "all: {hosts: {h: {db_password: !vault x}}}\n"
    assert settings(tmp_path, text, "h.yml").inventory.hosts["h"].vars == {"db_password": {"__ansible_vault": "x"}}
    (found,) = problems(tmp_path, text.replace("db_password", "ansible_user"), "h.yml")
    assert str(found) == "h.yml:1:19: h.ansible_user: is encrypted with vault"


def test_an_encrypted_variable_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all").write_text("$ANSIBLE_VAULT;1.1;AES256\n6131\n")
    (found,) = problems(tmp_path, "h\n")
    assert str(found) == "group_vars/all: is encrypted with ansible-vault, which Ozwald does not open"


def test_a_password_that_is_not_used_is_said(tmp_path: Path) -> None:
    warnings = settings(tmp_path, "h ansible_password=hunter2 ansible_become_pass=hunter2\n").warnings
    assert [str(warning) for warning in warnings] == [
        "hosts.ini:1:1: h.ansible_password: is not used: Ozwald logs in with keys",
        "hosts.ini:1:1: h.ansible_become_pass: is not used: 'sudo -n' asks for no password",
    ]


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.ini", "h\n[web\n", "a.ini:2:1: ungrouped: a range has the form [begin:end] or [begin:end:step]"),
        ("a.ini", "[web vars]\nh\n", "a.ini:1:1: not a section"),
        ("a.ini", "[web:var]\nh\n", "a.ini:1:1: a section is of the kind"),
        ("a.ini", "h 'x\n", "a.ini:1:1: a quote is opened"),
        ("a.ini", "  h x\n", "a.ini:1:3: behind a host stand only variables"),
        ("a.ini", "[g:vars]\nx=1\n", "a.ini:1:1: these variables are for a group that is declared nowhere"),
        ("a.ini", "[g:children]\nx\n", "a.ini:2:1: this group is declared nowhere"),
        ("a.ini", "[g]\n[g:vars]\nx\n", "a.ini:3:1: must have the form KEY=VALUE"),
        ("a.ini", "[a:children]\nb\n[b:children]\na\n", "the groups run in a circle"),
        (
            "a.yml",
            "web: {hosts: {h: }, children: {all: }}",
            "a.yml:1:32: groups.web.children: the group 'all' contains",
        ),
        ("a.ini", "[all:children]\nall\n", "a.ini:2:1: groups.all.children: the group 'all' contains"),
        ("a.ini", "h\n[web:children]\nungrouped\n", "a.ini:3:1: groups.web.children: the group 'ungrouped' has"),
        ("a.yml", "all: {hosts: {all: }}", "a.yml:1:15: all: a host cannot be called 'all'"),
        ("a.ini", "[web]\nungrouped\n", "a.ini:2:1: ungrouped: a host cannot be called 'ungrouped'"),
        (
            "a.yml",
            "all: {hosts: {w: }, children: {p: {children: {w: {children: {ungrouped: }}}}}}",
            "rename the host or",
        ),
        ("a.yml", "all: {hosts: {'': }}", "a host without a name"),
        ("a.yml", 'all: {hosts: {"a\\e[1m": }}', "a host's name has a character that cannot be printed"),
        ("a.ini", "a" * 256, "a host's name has at most 255 characters"),
        ("a.json", '{"g": {"hosts": ["a\\nb"]}}', "g.hosts: a host's name has a character that cannot be printed"),
        ("a.yml", "10: {hosts: {a: }}", "a group's name must be text; what looks like a number needs quotes"),
        ("a.ini", "h[1:99999999]\n", "a.ini:1:1: ungrouped: one pattern makes more than 4000 hosts"),
        ("a.ini", "h[1:999]x[1:999]\n", "a.ini:1:1: ungrouped: one pattern makes more than 4000 hosts"),
        ("a.ini", "---\nh\n", "a.ini:1:1: not a host; if this file is YAML"),
        ("a.yml", "all:\n  hosts:\n  - h\n", "a.yml:2:3: all.hosts: must be a map"),
        ("a.yml", "all:\n  hosts:\n    10:\n", "looks like a number needs quotes"),
        ("a.yml", "all:\n  hosts:\n    h: 3\n", "a host's variables must be a map"),
        ("a.yml", "plugin: aws_ec2\n", "a.yml:1:1: an inventory plugin is not run"),
        ("a.yml", "- h\n", "a.yml:1:1: must be a map"),
        ("a.yml", "", "a.yml: is empty"),
        ("a.yml", "all: {hosts: {h: !!python/name:os.system x}}", "a tag that Ozwald does not know"),
        ("a.json", "[1", "a.json:2:1: not valid YAML"),
        ("a.json", '{"_meta": 1}', "_meta: must have a map 'hostvars'"),
        ("a.json", '{"g": {"hosts": [1]}}', "g.hosts: must be a list of names"),
        ("a.toml", "[all]\n", "a.toml: TOML inventories are not supported"),
        (
            "a.yml",
            "all: {vars: {ansible_group_priority: x}}",
            "priority must be a whole number",
        ),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, name: str, text: str, found: str) -> None:
    assert found in "\n".join(str(problem) for problem in problems(tmp_path, text, name))


def test_the_list_form_may_be_a_json_file(tmp_path: Path) -> None:
    text = '{"_meta": {"hostvars": {"a": {"ansible_host": "10.0.0.1"}}}, "web": {"hosts": ["a"]}}'
    inventory = settings(tmp_path, text, "a.json").inventory
    assert (inventory.hosts["a"].address, inventory.groups["web"]) == ("10.0.0.1", ("a",))


def test_without_being_named_the_folder_counts_without_its_sub_folders(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("hosts: {own: }")
    (tmp_path / "inventory" / "sub").mkdir(parents=True)
    (tmp_path / "inventory" / "hosts").write_text("[web]\na\n")
    ours = tmp_path / "inventory" / "ours.yml"
    ours.write_text("hosts: {b: }\ngroups: {all: {vars: {x: 1}}, g: {hosts: [a]}}")
    (tmp_path / "inventory" / "sub" / "more").write_text("c\n")
    (tmp_path / "inventory" / "group_vars").mkdir()
    (tmp_path / "inventory" / "group_vars" / "g.yml").write_text("y: 2\n")
    unnamed = load(None, inventory=None, environ={}, cwd=tmp_path).settings.inventory
    named = load(None, inventory=Path("inventory"), environ={}, cwd=tmp_path).settings.inventory
    assert list(unnamed.hosts) == ["own", "b", "a"]
    assert unnamed.hosts["a"].vars == {"x": 1, "y": 2}
    assert list(named.hosts) == ["own", "b", "a", "c"]


def test_a_host_of_both_kinds_of_inventory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("hosts: {a: }")
    (tmp_path / "hosts").write_text("a\n")
    with pytest.raises(SettingsError, match=r"^hosts:1:1: the name stands twice; first at settings\.yml:1:9$"):
        load(None, inventory=Path("hosts"), environ={}, cwd=tmp_path)


def test_each_variable_knows_where_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("realms:")
    (tmp_path / "hosts.ini").write_text("[web]\na x=1\n[web:vars]\ny=2\n")
    (tmp_path / "host_vars").mkdir()
    (tmp_path / "host_vars" / "a.yml").write_text("z: 3\n")
    origins = load(None, inventory=Path("hosts.ini"), environ={}, cwd=tmp_path).origins["a"]
    assert {path: str(origin) for path, origin in origins.items() if path.startswith("vars.")} == {
        "vars.x": "hosts.ini:2:1",
        "vars.y": "hosts.ini:4:1",
        "vars.z": "host_vars/a.yml:1:1",
    }


def test_each_word_of_a_host_knows_the_variable_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("realms:")
    (tmp_path / "hosts.ini").write_text(
        "[web]\na ansible_host=10.0.0.1 ansible_port=22 ansible_connection=ssh\n"
        "[web:vars]\nansible_user=oz\nansible_private_key_file=k\nansible_ssh_common_args=-J b\n"
        "ansible_become=yes\nozwald_labels={'rack': 'a1'}\nozwald_docker_socket=/d.sock\n"
        "ozwald_reserve={'memory': '1g'}\n[site:children]\nweb\n"
    )
    origins = load(None, inventory=Path("hosts.ini"), environ={}, cwd=tmp_path).origins["a"]
    lines = {path: origin.line for path, origin in origins.items() if not path.startswith("vars.")}
    behind = ("user", "identity_file", "jump", "become", "labels.rack", "docker_socket", "reserve.memory_bytes")
    assert lines == {
        **dict.fromkeys(("name", "address", "port", "connection", "groups.web"), 2),
        **{word: line for line, word in enumerate(behind, 4)},
        "groups.site": 12,
    }


def test_the_older_names_of_variables_win_as_in_ansible(tmp_path: Path) -> None:
    found = host(
        tmp_path,
        "ansible_host=a ansible_ssh_host=b ansible_user=a ansible_ssh_user=b ansible_port=1 ansible_ssh_port=2",
    )
    assert (found.address, found.user, found.port) == ("b", "b", 2)


def test_variables_say_what_only_ozwald_knows(tmp_path: Path) -> None:
    text = (
        "all:\n  vars: {ozwald_reserve: {memory: 1g}, ozwald_labels: [site=north]}\n  hosts:\n    plain:\n"
        "    own: {ozwald_labels: {rack: 7, gpu: }, ozwald_reserve: {vram: 512m}, ozwald_docker_socket: /d.sock}\n"
    )
    hosts = settings(tmp_path, text, "h.yml").inventory.hosts
    assert (hosts["plain"].labels, hosts["plain"].reserve) == ({"site": "north"}, Reserve(memory_bytes=1024**3))
    assert (hosts["own"].labels, hosts["own"].docker_socket) == ({"rack": "7", "gpu": ""}, "/d.sock")
    assert hosts["own"].reserve == Reserve(vram_bytes=512 * 1024**2)


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("ozwald_reserve: {vram: much}", "ozwald_reserve.vram: is not a size; write for example 512m"),
        ("ozwald_reserve: {vrm: 1g}", "ozwald_reserve: the key 'vrm' is not known; did you mean 'vram'?"),
        ("ozwald_reserve: 8g", "ozwald_reserve: must be a map, not text"),
        ("ozwald_labels: rack", "ozwald_labels: must be a map or a list, not text"),
        ("ozwald_labels: {'': x}", "a key is not empty and has no '='"),
        ("ozwald_docker_socket: [a]", "ozwald_docker_socket: must be text, not a list"),
        ("ozwald_labels: {rack: '{{ rack }}'}", "ozwald_labels: is a Jinja template, which Ozwald does not evaluate"),
        ("ozwald_docker_socket: !vault x", "ozwald_docker_socket: is encrypted with vault"),
    ],
)
def test_what_only_ozwald_knows_is_checked_as_in_our_form(tmp_path: Path, value: str, sentence: str) -> None:
    (found,) = problems(tmp_path, f"all:\n  vars:\n    {value}\n  hosts: {{a: , b: }}\n", "h.yml")
    assert str(found).startswith("h.yml:3:5: ")
    assert sentence in str(found)


def test_a_variable_that_looks_like_ozwalds_is_warned_of_and_kept(tmp_path: Path) -> None:
    loaded = settings(tmp_path, "[g]\na\nb\n[g:vars]\nozwald_label=x\nozone=1\n")
    (warning,) = loaded.warnings
    assert str(warning) == ("hosts.ini:5:1: ozwald_label: Ozwald reads no such variable; did you mean 'ozwald_labels'?")
    assert loaded.inventory.hosts["a"].vars == {"ozwald_label": "x", "ozone": 1}


def test_a_groups_variable_that_cannot_be_honoured_is_named_once(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, "[g]\nh[1:9]\n[g:vars]\nansible_connection=winrm\n")
    assert str(found).startswith("hosts.ini:4:1: h1.ansible_connection: ")


PATH = {"PATH": "/usr/bin:/bin"}


def script(tmp_path: Path, body: str) -> Path:
    path = tmp_path / "script"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("exit 3", "ended with status 3; run it with --list to see why"),
        ("sleep 60 & sleep 60", "did not end within 0.3 s"),
        ("setsid sleep 2 & exit 0", "did not end within 0.3 s"),
        ("exec >&-; sleep 60", "did not end within 0.3 s"),
        ("yes", "printed more than 4 MiB"),
        ("printf '\\377'", "is not UTF-8 text"),
    ],
)
def test_a_script_that_misbehaves_is_ended_and_named(tmp_path: Path, body: str, sentence: str) -> None:
    began = time.monotonic()
    with pytest.raises(RefusedError) as caught:
        run_inventory(script(tmp_path, body), ["--list"], file="s", environ=PATH, timeout_s=0.3)
    assert caught.value.message == sentence
    assert time.monotonic() - began < 5


def test_a_data_file_with_an_executable_bit_is_data(tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("a\n")
    (tmp_path / "hosts").chmod(0o755)
    (tmp_path / "settings.yml").write_text("realms:")
    loaded = load(None, inventory=Path("hosts"), environ={}, cwd=tmp_path)
    assert list(loaded.settings.inventory.hosts) == ["a"]


@pytest.mark.parametrize("pattern", ["a[", "a[1", "a[1:]", "a[1:2:0]", "a[1:2:3:4]", "a[b:1]", "a[01:2]", "a[c:a]"])
def test_a_bad_range_is_refused(pattern: str) -> None:
    with pytest.raises(PatternError):
        expand(pattern)
