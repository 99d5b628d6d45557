"""Ozwald's own inventory form."""

from pathlib import Path

import pytest

from ozwald.config.load import load as load_with_places
from ozwald.config.load import load_settings
from ozwald.model.host import Cache, Connection, Provisioner, Reserve
from tests.config.conftest import Load, Refuse


def test_a_host_has_all_its_words(load: Load, tmp_path: Path) -> None:
    host = load(
        "hosts:\n"
        "- name: gpu01\n  address: gpu01.lan\n  port: 2222\n  user: oz\n"
        "  identity_file: ~/.ssh/k\n  jump: bastion\n"
        "  become: true\n  docker_socket: /run/d.sock\n  labels: {rack: 7, gpu: }\n"
        "  reserve: {memory: 8g, vram: 512m}\n  vars: {a: [1], b: no}\n",
        environ={"HOME": "/home/me"},
    ).inventory.hosts["gpu01"]
    assert (host.address, host.port, host.user, host.jump) == ("gpu01.lan", 2222, "oz", "bastion")
    assert (host.identity_file, host.docker_socket, host.become) == ("/home/me/.ssh/k", "/run/d.sock", True)
    assert (host.labels, host.vars) == ({"rack": "7", "gpu": ""}, {"a": [1], "b": "no"})
    assert host.reserve == Reserve(memory_bytes=8 * 1024**3, vram_bytes=512 * 1024**2)


def test_each_word_of_a_host_knows_its_place(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text(
        "hosts:\n  a:\n    ip: 10.0.0.1\n    identity-file: k\n    port:\n    labels: {rack: 7,\n      gpu: }\n"
        "    reserve:\n      vram: 1g\n    vars:\n      x: 1\n  b:\n    labels:\n      - rack=7\n      - gpu\n"
        "groups:\n  inner: {hosts: [a],\n    vars: {y: 1}}\n  outer:\n    children:\n      - inner\n"
    )
    origins = load_with_places(None, inventory=None, environ={}, cwd=tmp_path).origins
    assert {path: (origin.line, origin.column) for path, origin in origins["a"].items()} == {
        "name": (2, 3),
        "address": (3, 5),
        "identity_file": (4, 5),
        "labels.rack": (6, 14),
        "reserve.vram_bytes": (9, 7),
        "groups.inner": (17, 19),
        "groups.outer": (21, 9),
        "vars.x": (11, 7),
        "vars.y": (18, 12),
    }
    assert {path: origin.line for path, origin in origins["b"].items()} == {
        "name": 12,
        "labels.rack": 14,
        "labels.gpu": 15,
    }


def test_a_relative_key_file_lies_beside_the_file_that_names_it(load: Load, tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "h.yml").write_text("hosts: {a: {identity_file: keys/k}}")
    assert load("realms:").inventory.hosts["a"].identity_file == str(tmp_path / "inventory/keys/k")


@pytest.mark.parametrize(
    ("body", "connection"),
    [
        ("{ip: 127.0.0.1}", Connection.LOCAL),
        ("{ip: 127.9.9.9}", Connection.LOCAL),
        ("{ip: '::1'}", Connection.LOCAL),
        ("{ip: localhost}", Connection.LOCAL),
        ("{ip: 127.0.0.1, port: 2222}", Connection.SSH),
        ("{ip: 127.0.0.1, user: me}", Connection.SSH),
        ("{ip: 127.0.0.1, identity_file: /k}", Connection.SSH),
        ("{ip: 127.0.0.1, connection: ssh}", Connection.SSH),
        ("{ip: 10.0.0.1}", Connection.SSH),
        ("{ip: 10.0.0.1, connection: local}", Connection.LOCAL),
        ("", Connection.SSH),
    ],
)
def test_only_a_bare_loopback_address_is_local(load: Load, body: str, connection: Connection) -> None:
    assert load(f"hosts:\n  gpu01: {body}").inventory.hosts["gpu01"].connection is connection


def test_a_host_without_an_address_is_dialled_by_its_name(load: Load) -> None:
    hosts = load("hosts: {gpu01: , localhost: {}}").inventory.hosts
    assert (hosts["gpu01"].address, hosts["localhost"].connection) == ("gpu01", Connection.LOCAL)


def test_groups_hold_their_childrens_hosts_in_the_order_of_the_groups(load: Load) -> None:
    inventory = load(
        "hosts: {c: , b: , a: }\n"
        "groups:\n  gpu: {children: [nvidia, amd]}\n  nvidia: {hosts: [a, c]}\n  amd:\n  - wrong\n".replace(
            "  amd:\n  - wrong\n", "  amd: {hosts: {b: }}\n"
        )
    ).inventory
    assert inventory.groups == {
        "all": ("c", "b", "a"),
        "ungrouped": (),
        "gpu": ("a", "c", "b"),
        "nvidia": ("a", "c"),
        "amd": ("b",),
    }
    assert inventory.hosts["a"].groups == ("gpu", "nvidia")


def test_hosts_outside_every_group_are_ungrouped(load: Load) -> None:
    inventory = load("hosts: [{name: a}, {name: b}]\ngroups: [{name: g, hosts: [a]}]").inventory
    assert inventory.groups["ungrouped"] == ("b",)
    assert inventory.hosts["b"].groups == ("ungrouped",)


def test_variables_of_a_child_win_over_its_parent_and_the_hosts_own_over_all(load: Load) -> None:
    inventory = load(
        "hosts: {a: {vars: {own: host}}, b: }\n"
        "groups:\n"
        "  all: {vars: {own: all, parent: all, child: all, only: all}}\n"
        "  child: {hosts: [a], vars: {own: child, child: child}}\n"
        "  parent: {children: [child], vars: {own: parent, parent: parent, child: parent}}\n"
    ).inventory
    assert inventory.hosts["a"].vars == {"own": "host", "parent": "parent", "child": "child", "only": "all"}
    assert inventory.hosts["b"].vars == {"own": "all", "parent": "all", "child": "all", "only": "all"}


def test_a_provisioner_has_its_cache_and_pattern(load: Load) -> None:
    provisioners = load(
        "hosts: {a: }\n"
        "provisioners:\n"
        "  one: {host: a}\n"
        "  two:\n    host: a\n    hosts: gpu:!b\n    cache:\n      type: redis\n"
        "      parameters: {host: redis.lan, port: 6380, db: 2, password: $PW}\n"
        "  three: {host: a, cache: {parameters: {host: ozwald-provisioner-redis}}}\n",
        environ={"PW": "0123"},
    ).inventory.provisioners
    assert provisioners["one"] == Provisioner(name="one", host="a")
    assert provisioners["two"].hosts == "gpu:!b"
    assert provisioners["two"].cache == Cache(address="redis.lan", port=6380, db=2, password="0123")
    assert provisioners["three"].cache.address is None
    assert "0123" not in repr(provisioners)


def test_a_cache_may_have_a_user_and_speak_tls(load: Load) -> None:
    cache = (
        load(
            "hosts: {a: }\n"
            "provisioners:\n  one:\n    host: a\n    cache:\n"
            "      parameters: {host: redis.lan, username: ozwald, password: $PW, tls: true, ca-file: ca.pem}\n",
            environ={"PW": "s3cret"},
        )
        .inventory.provisioners["one"]
        .cache
    )
    assert cache.username == "ozwald"
    assert cache.tls
    assert cache.ca_file is not None
    assert Path(cache.ca_file).is_absolute()
    assert Path(cache.ca_file).name == "ca.pem"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hosts: {a: {ip: 1.1.1.1, address: b}}",
         "1:35: hosts.a.address: 'ip' and 'address' mean the same; keep one"),
        ("hosts: {a: {port: 0}}", "1:19: hosts.a.port: must be at least 1"),
        ("hosts: {a: {port: 65536}}", "1:19: hosts.a.port: must be at most 65535"),
        ("hosts: {a: {conection: ssh}}", "1:13: hosts.a: the key 'conection' is not known;"
         " did you mean 'connection'?"),
        ("hosts: {a: {reserve: {vram: much}}}", "1:29: hosts.a.reserve.vram: is not a size"),
        ("hosts: {gpu01: }\ngroups: {g: {hosts: [gpu1]}}",
         "2:22: groups.g.hosts: the inventory has no such host;"
         " did you mean 'gpu01'?"),
        ("groups: {g: {children: [h]}}", "1:25: groups.g.children: the inventory has no such group"),
        ("groups: {g: {children: [h]}, h: {children: [g]}}",
         "1:25: groups.g.children: the groups run in a circle:"
         " g -> h -> g"),
        ("groups: {g: {children: [all]}}", "1:25: groups.g.children: the group 'all' contains every group"),
        ("hosts: {ungrouped: }", "1:9: ungrouped: a host cannot be called 'ungrouped'"),
        ("hosts: {a: }\nprovisioners: [{name: p, host: b}]",
         "2:32: provisioners[0].host: the inventory has no such"
         " host; known: a"),
        ("provisioners: [{name: p}]", "1:16: provisioners[0]: the key 'host' is missing"),
        ("hosts: {a: }\nprovisioners: {p: {host: a, cache: {type: memcached, parameters: {host: a}}}}",
         "2:43: provisioners.p.cache.type: must be redis"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_its_place(refuse: Refuse, text: str, problem: str) -> None:
    (found,) = refuse(text)
    assert str(found).startswith(f"settings.yml:{problem}")


def test_the_inventory_is_found_by_argument_then_variable_then_key_then_folder(tmp_path: Path) -> None:
    for name in ("arg", "env", "key"):
        (tmp_path / f"{name}.yml").write_text(f"hosts: {{{name}: }}")
    (tmp_path / "inventory" / "sub").mkdir(parents=True)
    (tmp_path / "inventory" / "one.yml").write_text("hosts: {one: }")
    (tmp_path / "inventory" / "two.yaml").write_text("hosts: {two: }")
    (tmp_path / "inventory" / "sub" / "three.yml").write_text("hosts: {three: }")
    settings = tmp_path / "settings.yml"

    def found(inventory: Path | None = None, **environ: str) -> list[str]:
        loaded = load_settings(None, inventory=inventory, environ=environ, cwd=tmp_path)
        return list(loaded.inventory.hosts)

    settings.write_text("hosts: {own: }")
    assert found() == ["own", "one", "two"]
    settings.write_text("hosts: {own: }\ninventory: key.yml")
    assert found() == ["own", "key"]
    settings.write_text("hosts: {own: }\ninventory: [key.yml, arg.yml]")
    assert found() == ["own", "key", "arg"]
    assert found(OZWALD_INVENTORY="env.yml") == ["own", "env"]
    assert found(Path("arg.yml"), OZWALD_INVENTORY="env.yml") == ["own", "arg"]


def test_one_name_in_two_files_is_an_error(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "h.yml").write_text("hosts: {a: }\ngroups: {g: }\n")
    problems = refuse("hosts: {a: }\ngroups: {g: }")
    assert [str(problem) for problem in problems] == [
        "inventory/h.yml:1:9: the name stands twice; first at settings.yml:1:9",
        "inventory/h.yml:2:10: the name stands twice; first at settings.yml:2:10",
    ]


def test_problems_of_all_files_come_together(refuse: Refuse, tmp_path: Path) -> None:
    (tmp_path / "inventory").mkdir()
    (tmp_path / "inventory" / "a.yml").write_text("hosts: {a: \n")
    (tmp_path / "inventory" / "b.yml").write_text("")
    problems = refuse("relms: {}", inventory=None)
    assert [problem.file for problem in problems] == ["inventory/a.yml", "inventory/b.yml", "settings.yml"]


def test_an_inventory_that_is_named_must_be_there(refuse: Refuse) -> None:
    (problem,) = refuse("hosts: {a: }", inventory=Path("gone.yml"))
    assert str(problem) == "gone.yml: cannot be read: No such file or directory"
