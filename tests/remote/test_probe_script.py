"""The script itself, in every shell that hosts have, with tools that replay recordings."""

import getpass
import shutil
import socket
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from ozwald.model.resources import HostResources
from ozwald.remote.probe import parse_probe
from tests.remote.recorded import RECORDINGS

SCRIPT = (Path(__file__).parents[2] / "ozwald" / "remote" / "probe.sh").read_bytes() + b"finish /\n"
MARK = "0123456789abcdef"
SHELLS = {"dash": ["dash"], "bash": ["bash"], "bash as sh": ["bash", "--posix"], "busybox": ["busybox", "sh"]}
CHANGING = ("memory_available_bytes", "disk_free_bytes", "swap_free_bytes", "load_1m", "listeners")


def replay(folder: Path, tool: str, recording: str) -> None:
    path = folder / tool
    path.write_text(f"#!/bin/sh\ncat {RECORDINGS / recording}\n")
    path.chmod(0o755)


def probed(words: list[str], path: str) -> HostResources:
    command = [shutil.which(words[0]) or words[0], *words[1:], "-s", MARK, "5"]
    ran = subprocess.run(command, input=SCRIPT, capture_output=True, check=True, env={"PATH": path}, timeout=30)
    return parse_probe("here", ran.stdout + b"\n" + ran.stderr, 0.0)


def steady(found: HostResources) -> dict[str, object]:
    return {name: getattr(found, name) for name in HostResources.__slots__ if name not in CHANGING}


@pytest.fixture
def tools(tmp_path: Path) -> Path:
    replay(tmp_path, "nvidia-smi", "nvidia/a100-sxm4-v12.xml")
    replay(tmp_path, "rocm-smi", "amd/mi100_rocm602.json")
    return tmp_path


@pytest.mark.parametrize("words", SHELLS.values(), ids=SHELLS.keys())
def test_every_shell_tells_the_same(tools: Path, words: list[str]) -> None:
    found = probed(words, f"{tools}:/usr/bin:/bin")

    assert steady(found) == steady(probed(["sh"], f"{tools}:/usr/bin:/bin"))
    assert len(found.gpus) == 1 + 4 + 4
    assert found.missing.keys() <= {"container_toolkit"}


@pytest.mark.parametrize("words", SHELLS.values(), ids=SHELLS.keys())
def test_every_shell_finds_who_listens(words: list[str]) -> None:
    kinds = [
        (socket.AF_INET, socket.SOCK_STREAM, "127.0.0.1"),
        (socket.AF_INET6, socket.SOCK_STREAM, "::1"),
        (socket.AF_INET6, socket.SOCK_STREAM, "::ffff:127.0.0.1"),
        (socket.AF_INET, socket.SOCK_DGRAM, "127.0.0.1"),
        (socket.AF_INET6, socket.SOCK_DGRAM, "::1"),
    ]
    with ExitStack() as stack:
        bound = [stack.enter_context(waiting(*kind)) for kind in kinds]
        talking = stack.enter_context(socket.create_connection(bound[0].getsockname()))
        ports = {one.getsockname()[1] for one in (*bound, talking)}
        found = [one for one in probed(words, "/usr/bin:/bin").listeners or () if one.port in ports]
        made = {
            ("udp" if kind is socket.SOCK_DGRAM else "tcp", address.removeprefix("::ffff:"), one.getsockname()[1])
            for one, (_, kind, address) in zip(bound, kinds, strict=True)
        }

    assert {(one.protocol, one.address, one.port) for one in found} == made
    assert {one.user for one in found} == {getpass.getuser()}


def waiting(family: int, kind: int, address: str) -> socket.socket:
    made = socket.socket(family, kind)
    made.bind((address, 0))
    if kind == socket.SOCK_STREAM:
        made.listen()
    return made


def test_a_host_that_has_nothing_but_busybox_tells_the_same(tools: Path) -> None:
    busybox = shutil.which("busybox") or "busybox"
    applets = tools / "applets"
    applets.mkdir()
    subprocess.run([busybox, "--install", "-s", str(applets)], check=True)

    found = probed(["busybox", "sh"], f"{tools}:{applets}")

    assert steady(found) == steady(probed(["sh"], f"{tools}:/usr/bin:/bin"))


def test_without_tools_hardly_a_program_is_started(tmp_path: Path) -> None:
    """What a probe costs a host without cards: each program is a line of this list."""
    started = tmp_path / "started"
    for name in ("uname", "cat", "timeout", "df", "grep", "sed", "head", "stat", "readlink", "getconf", "lscpu", "cut"):
        real = shutil.which(name) or name
        (tmp_path / name).write_text(f'#!/bin/sh\necho {name} >>{started}\nexec {real} "$@"\n')
        (tmp_path / name).chmod(0o755)

    probed(["sh"], f"{tmp_path}:/usr/bin:/bin")

    # Machines with cards need readlink and stat, old kernels uname, those that do not name the processor the others.
    needed, sometimes = ["cat", "df", "timeout"], {"grep", "lscpu", "readlink", "stat", "uname"}
    assert [name for name in sorted(started.read_text().split()) if name not in sometimes] == needed


def test_a_clock_table_as_long_as_it_likes_does_not_travel(tools: Path) -> None:
    replay(tools, "nvidia-smi", "nvidia/rtx-3090-v12.xml")

    ran = subprocess.run(
        ["sh", "-s", MARK, "5"],
        input=SCRIPT,
        capture_output=True,
        check=True,
        env={"PATH": f"{tools}:/usr/bin:/bin"},
    )
    assert b"supported_graphics_clock" not in ran.stdout
    assert len(ran.stdout) < 15_000


def test_the_makers_tools_run_at_the_same_time(tools: Path) -> None:
    for tool in ("nvidia-smi", "rocm-smi"):
        (tools / tool).write_text("#!/bin/sh\nsleep 0.5\n")

    began = time.monotonic()
    probed(["sh"], f"{tools}:/usr/bin:/bin")

    assert time.monotonic() - began < 0.95
