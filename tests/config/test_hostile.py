"""Whatever a file holds or is, loading it ends soon, in settings or in SettingsError."""

import os
import socket
import time
from pathlib import Path

import pytest

from ozwald.config.load import load_settings
from ozwald.errors import SettingsError

SERVICE = "realms:\n  r:\n    service-definitions:\n      s:\n        "


def refusal(path: Path) -> str:
    began = time.process_time()
    with pytest.raises(SettingsError) as caught:
        load_settings(path, inventory=None, environ={}, cwd=path.parent)
    assert time.process_time() - began < 0.5
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"hosts: \xff\xfe", "settings.yml:1:8: is not UTF-8 text"),
        (b"a: 1\nb: \x00", "settings.yml:2:4: has a character that is not text: U+0000"),
        (b"a: \x1b[31m", "settings.yml:1:4: has a character that is not text: U+001B"),
        (b"x-a: " + b"a" * (9 * 1024**2), "settings.yml: is larger than 4 MiB"),
        ("hosts: {}\n".encode("utf-16"), "is not UTF-8 text"),
    ],
)
def test_bytes_that_are_no_text_are_refused(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "settings.yml").write_bytes(content)
    assert sentence in refusal(tmp_path / "settings.yml")


def test_a_byte_order_mark_and_windows_lines_are_fine(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    path.write_bytes("\ufeffhosts:\r\n  a:\r\n    vars: {x: y}\r\n".encode())
    settings = load_settings(path, inventory=None, environ={}, cwd=tmp_path)
    assert settings.inventory.hosts["a"].vars == {"x": "y"}


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "sock"))
        for name in ("fifo", "loop", "sock", "gone", "."):
            assert refusal(tmp_path / name)
    assert "is not a regular file" in refusal(Path("/dev/zero"))
    assert "is not a regular file" in refusal(tmp_path / "fifo")


def test_an_environment_file_that_never_ends_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    path.write_text("realms: {r: {service-definitions: {s: {image: i, env_file: /dev/zero}}}}")
    assert "the environment file is not a regular file" in refusal(path)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("%TAG !a! b\n" * 20 + "--- {}\n", "settings.yml: has more than 16 times '%TAG'"),
        (f"? {'a' * 1025}\n: b\n", "settings.yml:1:3: a key is longer than 1024 characters"),
        ("a: b\n" * 300_000, "settings.yml: has more than 500000 lines, entries and items"),
        ("x-a: [" + "a," * 450_000 + "]", "become larger than Ozwald reads: 400000 values in all"),
        (
            "hosts: {" + "".join(f"a--{n}: , " for n in range(1200)) + "}",
            "more than 1000 errors; stopped",
        ),
        (
            f"hosts: {{h: {{user: {'a' * 140_000}}}}}",
            "settings.yml:1:19: hosts.h.user: is longer than 131072 characters",
        ),
        (f"{SERVICE}replicas: {'9' * 400}", "must be"),
        (f"{SERVICE}ports: [1-65535]", "become larger than Ozwald reads"),
        (f"{SERVICE}volumes: ['{'/a' * 3000}:/x']", "the path is longer than 4096 bytes"),
        ("groups:\n" + "".join(f"  g{n}: {{children: [g{(n + 1) % 50}]}}\n" for n in range(50)), "g7 -> … -> g0"),
        ('hosts: {"a\\e[31m\\r": }', "hosts: a name"),
        ('"a\\e[31m": 1', "settings.yml:1:1: the key 'a\\x1b[31m' is not known"),
        ("inventory: ../gone", "settings.yml:1:12: inventory: the inventory is not there"),
        (
            'hosts: {h: {identity_file: "~\\0"}}\ninventory: "a\\0"',
            "settings.yml:2:12: inventory: the inventory is not there",
        ),
    ],
)
def test_what_is_too_much_is_refused_in_few_words(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text(text)
    assert sentence in refusal(tmp_path / "settings.yml")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("A0=xxxxxxxxxx\n" + "".join(f"A{n + 1}=$A{n}$A{n}\n" for n in range(40)), "is longer than 131072 characters"),
        ("A=x\n" + "B=${A}${A}\n" * 19_000 + "C=$B\n" * 19_000, ".env: has more than 20000 variables"),
        (f"A=a{' ' * 200_000}b", ".env:1:1: the text is longer than 131072 characters"),
        ('A="' + "\\n" * 200_000 + '"', ".env:1:1: the text is longer than 131072 characters"),
        ("\n" * 450_000 + "=A", ".env:450001:1: is not a line of the form KEY=value"),
    ],
)
def test_an_environment_file_cannot_grow(text: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(text)
    (tmp_path / "settings.yml").write_text("hosts: {h: }")
    assert sentence in refusal(tmp_path / "settings.yml")


def test_a_file_that_many_services_name_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "e.env").write_text("".join(f"A{n}=b\n" for n in range(19_000)))
    services = "".join(f"s{n}: {{image: i, env_file: e.env}}, " for n in range(500))
    (tmp_path / "settings.yml").write_text(f"realms: {{r: {{service-definitions: {{{services}}}}}}}")
    began = time.process_time()
    load_settings(tmp_path / "settings.yml", inventory=None, environ={}, cwd=tmp_path)
    assert time.process_time() - began < 0.5


def test_a_folder_linked_into_itself_is_not_read_for_ever(tmp_path: Path) -> None:
    variables = tmp_path / "group_vars" / "all"
    variables.mkdir(parents=True)
    for name in "abc":
        (variables / name).symlink_to(".")
    (tmp_path / "settings.yml").write_text("hosts: {h: }\ninventory: hosts.ini")
    (tmp_path / "hosts.ini").write_text("h2\n")
    assert "lies more than 16 folders deep" in refusal(tmp_path / "settings.yml")


def test_a_seccomp_profile_is_bounded_like_every_file(tmp_path: Path) -> None:
    (tmp_path / "deep.json").write_text("[" * 200 + "]" * 200)
    for file, sentence in (("deep.json", "nested deeper than 64 levels"), ("/dev/zero", "is not a regular file")):
        (tmp_path / "settings.yml").write_text(f"{SERVICE}security_opt: [seccomp={file}]")
        assert f"the seccomp profile {sentence}" in refusal(tmp_path / "settings.yml")


def test_an_inventory_of_json_has_no_half_characters(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text("inventory: hosts.json")
    (tmp_path / "hosts.json").write_text('{"all": {"hosts": {"a": {"b": "\\ud800"}}}}')
    assert "hosts.json:1:" in refusal(tmp_path / "settings.yml")


def test_a_path_from_a_variable_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "settings.yml").write_text(f"inventory: $TOKEN\n{SERVICE}image: i\n        env_file: $TOKEN")
    with pytest.raises(SettingsError) as caught:
        load_settings(tmp_path / "settings.yml", inventory=None, environ={"TOKEN": "hunter2"}, cwd=tmp_path)
    assert len(caught.value.problems) == 2
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("count", [3000])
def test_many_wrong_keys_are_refused_quickly(tmp_path: Path, count: int) -> None:
    path = tmp_path / "settings.yml"
    path.write_text("hosts:\n  a:\n" + "".join(f"    prt{number}: 1\n" for number in range(count)))
    assert "did you mean 'port'?" in refusal(path)


def test_a_fleet_of_a_thousand_hosts_and_two_thousand_services_loads_soon(tmp_path: Path) -> None:
    hosts = "".join(f"  gpu{n}: {{ip: 10.0.0.1, user: oz, labels: {{rack: a}}}}\n" for n in range(1000))
    service = "{environment: {A: 1, B: x}, varieties: {nvidia: {image: a}}, profiles: {p: {environment: {C: 2}}}}"
    services = "".join(f"      s{n}: {service}\n" for n in range(2000))
    path = tmp_path / "settings.yml"
    path.write_text(f"hosts:\n{hosts}realms:\n  r:\n    service-definitions:\n{services}")
    began = time.process_time()
    load_settings(path, inventory=None, environ={}, cwd=tmp_path)
    assert time.process_time() - began < 4


def test_many_wrong_references_are_refused_quickly(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    hosts = "".join(f"  gpu{number}:\n" for number in range(2000))
    path.write_text(f"hosts:\n{hosts}groups:\n  g: {{hosts: [{','.join(f'gp{n}' for n in range(2000))}]}}\n")
    assert "did you mean 'gpu0'?" in refusal(path)


def test_a_long_chain_of_groups_and_dependencies_needs_no_stack(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    groups = "".join(f"  g{number}: {{children: [g{number + 1}]}}\n" for number in range(3000))
    services = "".join(f"      s{number}: {{image: i, depends_on: [s{number + 1}]}}\n" for number in range(3000))
    realm = f"realms:\n  r:\n    service-definitions:\n{services}      s3000: {{image: i}}\n"
    path.write_text(f"groups:\n{groups}  g3000:\n{realm}")
    settings = load_settings(path, inventory=None, environ={}, cwd=tmp_path)
    assert len(settings.inventory.groups) == 3003
