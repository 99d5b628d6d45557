"""Labs come and go without a trace, however they end, and touch nothing that is not theirs."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.lab import HostOptions, Lab, LabError, network, record, take_down
from tests.lab.__main__ import main
from tests.lab.options import parse_spec
from tests.lab.processes import Process, in_namespace, wait_until
from tests.lab.record import HostRecord, Record
from tests.lab.remains import remains
from tests.lab.standard import IMAGE

pytestmark = pytest.mark.lab

ROOT = Path(__file__).resolve().parents[2]
TWO = {"one": HostOptions(), "two": HostOptions(jump="one")}


def test_down_leaves_nothing_behind(tmp_path: Path, lab_image: Path) -> None:
    lab = Lab.start(tmp_path / "lab", TWO)
    with lab:
        lab.load_image(lab_image)
        lab.hosts["one"].engine.run(IMAGE)
        recorded = record.require(lab.directory)
        namespaces = [host.init.namespace("pid") for host in lab.hosts.values()]
        assert len(all_remains(lab.directory, recorded)) > 10
    assert all_remains(lab.directory, recorded) == []
    assert [list(in_namespace("pid", name)) for name in namespaces] == [[], []]


def test_down_twice_is_as_good_as_once(tmp_path: Path) -> None:
    lab = Lab.start(tmp_path / "lab", {"one": HostOptions(docker=False)})
    lab.down()
    lab.down()
    take_down(tmp_path / "never")


def is_begun(lab: Record) -> bool:
    return True


def has_switch(lab: Record) -> bool:
    return lab.switch is not None


def has_subnet(lab: Record) -> bool:
    return lab.subnet is not None


def has_a_host(lab: Record) -> bool:
    return any(host.init for host in lab.hosts.values())


def has_all_hosts(lab: Record) -> bool:
    return all(host.init for host in lab.hosts.values())


def has_engine(lab: Record) -> bool:
    inits = [host.init for host in lab.hosts.values() if host.init]
    return any(Path(f"/proc/{init.pid}/root/run/docker.sock").exists() for init in inits)


@pytest.mark.parametrize(
    "moment", [is_begun, has_switch, has_subnet, has_a_host, has_all_hosts, has_engine], ids=lambda f: f.__name__
)
def test_a_start_killed_at_any_moment_is_cleaned_up(tmp_path: Path, moment: Callable[[Record], bool]) -> None:
    directory = tmp_path / "lab"
    command = [sys.executable, "-m", "tests.lab", "up", "--directory", str(directory), "--hosts", "one", "two:jump=one"]
    starting = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    wait_until(lambda: has_reached(directory, moment), timeout_s=20, what="the start", every_s=0.001)
    starting.send_signal(signal.SIGKILL)
    starting.wait()
    recorded = record.require(directory)
    assert main(["down", "--directory", str(directory)]) == 0
    # A key that was being made when the start was killed ends by itself, a moment later on a busy machine.
    wait_until(lambda: all_remains(directory, recorded) == [], timeout_s=10, what="everything to be gone")


def test_a_start_sweeps_what_a_crashed_lab_left_in_its_place(tmp_path: Path) -> None:
    script = "import os, sys; from tests.lab import *; Lab.start(sys.argv[1], {'one': HostOptions()}); os._exit(9)"
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, check=False)
    crashed = record.require(tmp_path)
    with Lab.start(tmp_path, {"two": HostOptions(docker=False)}) as lab:
        assert list(lab.hosts) == ["two"]
        assert not any(process.is_alive for process in crashed.processes())


def test_a_lab_that_is_up_is_not_replaced(tmp_path: Path) -> None:
    with Lab.start(tmp_path, {"one": HostOptions(docker=False)}), pytest.raises(LabError, match="already up"):
        Lab.start(tmp_path, {"one": HostOptions(docker=False)})


def test_down_touches_no_process_and_no_link_of_others(tmp_path: Path) -> None:
    subnet = next(network.free_subnets())
    stranger = subprocess.Popen(["unshare", "--net", "sleep", "60"])
    link = network.device(subnet)
    network.batch([f"link add {link} type veth peer name {link}x"])
    try:
        other = replace(Process.of(stranger.pid), start=1)
        host = HostRecord(number=11, options=HostOptions(), init=other, holder=other)
        record.write(tmp_path, Record(subnet=subnet, hosts={"one": host}))
        take_down(tmp_path)
        assert stranger.poll() is None
        network.batch([f"link show {link}"])
    finally:
        network.batch([f"link del {link}"])
        stranger.kill()
        stranger.wait()


def test_the_command_line_leaves_a_fleet_and_takes_it_down(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--directory", str(tmp_path / "lab")]
    command = [sys.executable, "-m", "tests.lab", "up", *place, "--hosts", "one:docker=false", "gpu:nvidia=a10g.xml"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    lab = Lab.attach(tmp_path / "lab")
    assert lab.ssh(lab.hosts["gpu"], "nvidia-smi -q -x").returncode == 0
    assert main(["cut", "one", *place]) == 0
    assert main(["status", *place]) == 0
    assert "one          cut" in capsys.readouterr().out
    assert main(["reboot", "gpu", *place]) == 0
    assert main(["down", *place]) == 0
    assert main(["status", *place]) == 1


def test_files_of_others_are_neither_used_nor_removed(tmp_path: Path) -> None:
    (tmp_path / "hosts").mkdir()
    with pytest.raises(LabError, match="another origin"):
        Lab.start(tmp_path, {"one": HostOptions(docker=False)})
    take_down(tmp_path)
    assert (tmp_path / "hosts").is_dir()


def test_two_labs_stand_side_by_side(tmp_path: Path) -> None:
    bare = {"one": HostOptions(docker=False)}
    with Lab.start(tmp_path / "a", bare) as first, Lab.start(tmp_path / "b", bare) as second:
        assert first.hosts["one"].address != second.hosts["one"].address
        assert first.ssh(first.hosts["one"], "hostname").stdout == "one\n"
        assert second.ssh(second.hosts["one"], "hostname").stdout == "one\n"


def test_a_host_behind_another_is_reached_only_over_it(tmp_path: Path) -> None:
    hosts = {"gate": HostOptions(docker=False), "inner": HostOptions(docker=False, jump="gate")}
    with Lab.start(tmp_path, hosts) as lab:
        gate, inner = lab.hosts["gate"], lab.hosts["inner"]
        assert lab.ssh(inner, "hostname").stdout == "inner\n"
        direct = ["nc", "-w", "1", inner.address, "22", "-e", "true"]
        assert subprocess.run(["busybox", *direct], check=False).returncode
        assert gate.shell(f"busybox {' '.join(direct)}").returncode == 0
        gate.reboot()
        assert lab.ssh(inner, "hostname").stdout == "inner\n"
        inner.cut()
        assert gate.shell(f"busybox {' '.join(direct)}").returncode
        inner.mend()
        assert gate.shell(f"busybox {' '.join(direct)}").returncode == 0


def test_several_cards_and_another_memory_size(tmp_path: Path) -> None:
    options = HostOptions(docker=False, nvidia="a100-sxm4-v12.xml", cards=4, memory_bytes=64 * 2**30)
    with Lab.start(tmp_path, {"big": options}) as lab:
        rows = "nvidia-smi --query-gpu=index,uuid,memory.total --format=csv,noheader,nounits"
        cards = [line.split(", ") for line in lab.ssh(lab.hosts["big"], rows).stdout.splitlines()]
        assert [card[0] for card in cards] == ["0", "1", "2", "3"]
        assert len({card[1] for card in cards}) == 4
        assert lab.ssh(lab.hosts["big"], "head -n 1 /proc/meminfo").stdout.split()[1] == str(64 * 2**20)


@pytest.mark.skipif(shutil.which("sudo") is not None, reason="the machine has sudo")
def test_a_host_with_sudo_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="sudo"):
        Lab.start(tmp_path, {"one": HostOptions(sudo_docker=True)})


@pytest.mark.skipif(shutil.which("sudo") is None, reason="the machine has no sudo")
def test_a_user_outside_the_docker_group_reaches_docker_by_sudo(tmp_path: Path) -> None:
    with Lab.start(tmp_path, {"one": HostOptions(sudo_docker=True)}) as lab:
        assert lab.ssh(lab.hosts["one"], "docker ps").returncode
        assert lab.ssh(lab.hosts["one"], "sudo -n docker ps").returncode == 0


@pytest.mark.parametrize(
    ("hosts", "reason"),
    [
        ({"a b": HostOptions()}, "no host name"),
        ({"one": HostOptions(nvidia="none.xml")}, "tesla-t4.xml"),
        ({"one": HostOptions(jump="two")}, "jump host two"),
    ],
)
def test_a_fleet_that_cannot_be_is_refused(tmp_path: Path, hosts: dict[str, HostOptions], reason: str) -> None:
    with pytest.raises(LabError, match=reason):
        Lab.start(tmp_path, hosts)


def test_a_spec_names_a_host_and_its_options() -> None:
    spec = "gpu1:nvidia=tesla-t4.xml:cards=2:sudo_docker:sshd=MaxSessions 2"
    options = HostOptions(nvidia="tesla-t4.xml", cards=2, sudo_docker=True, sshd=("MaxSessions 2",))
    assert parse_spec(spec) == ("gpu1", options)


def test_a_spec_with_an_unknown_option_lists_the_known() -> None:
    with pytest.raises(LabError, match="known: nvidia"):
        parse_spec("gpu1:nvidea=tesla-t4.xml")


def has_reached(directory: Path, moment: Callable[[Record], bool]) -> bool:
    lab = record.read(directory)
    return lab is not None and moment(lab)


def all_remains(directory: Path, lab: Record) -> list[str]:
    found = remains(directory, cgroup=lab.cgroup, subnet=lab.subnet)
    own = f"/proc/{os.getpid()}/"
    return [what for what in found if not what.startswith(own)]
