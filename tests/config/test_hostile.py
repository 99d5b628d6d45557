"""Whatever a file holds or is, loading it ends soon, in settings or in SettingsError."""

import os
import socket
import time
from pathlib import Path

import pytest

from ozwald.config.load import load_settings
from ozwald.errors import SettingsError


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
