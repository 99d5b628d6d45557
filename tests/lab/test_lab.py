"""The standard fleet behaves like machines of its own."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from urllib.request import urlopen

import pytest

from tests.lab import Host, Lab, LabError
from tests.lab.processes import wait_until
from tests.lab.standard import IMAGE

pytestmark = pytest.mark.lab

QUICK = ("-o", "ConnectTimeout=1")
GPU_ROWS = "nvidia-smi --query-gpu=index,name,memory.total,memory.used --format=csv,noheader,nounits"
ANY_CARD = {"DeviceRequests": [{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}]}
RENDER_NODE = {"PathOnHost": "/dev/dri/renderD128", "PathInContainer": "/dev/dri/renderD128"}


@pytest.fixture
def box(clean_hosts: Lab) -> Iterator[Host]:
    host = clean_hosts.hosts["box1"]
    yield host
    host.mend()


def test_each_host_lets_its_user_in_with_the_key(lab: Lab) -> None:
    for name, host in lab.hosts.items():
        assert lab.ssh(host, "hostname; id -un").stdout.split() == [name, "ozwald"]


def test_each_host_has_an_engine_boot_id_and_machine_id_of_its_own(lab: Lab) -> None:
    hosts = [host for host in lab.hosts.values() if host.has_docker]
    engines = {host.engine.call("GET", "/info")["ID"] for host in hosts}
    identities = {host.shell("cat /proc/sys/kernel/random/boot_id /etc/machine-id").stdout for host in hosts}
    assert (len(engines), len(identities)) == (len(hosts), len(hosts))


def test_a_host_without_docker_has_none(lab: Lab) -> None:
    assert lab.ssh(lab.hosts["bare"], "test -e /var/run/docker.sock").returncode == 1


def test_the_user_reaches_the_engine_over_ssh(lab: Lab) -> None:
    done = lab.ssh(lab.hosts["box1"], "docker version --format '{{.Server.APIVersion}}'")
    assert done.returncode == 0, done.stderr


def test_a_published_port_answers_the_machine_and_the_other_hosts(clean_hosts: Lab, box: Host) -> None:
    config = {"PortBindings": {"80/tcp": [{"HostPort": "8080"}]}}
    script = "echo hello >/tmp/index.html; exec httpd -f -p 80 -h /tmp"
    box.engine.run(IMAGE, Cmd=["sh", "-c", script], ExposedPorts={"80/tcp": {}}, HostConfig=config)
    address = f"{box.address}:8080"
    wait_until(lambda: answers(box.address, 8080), timeout_s=5, what="httpd")
    assert urlopen(f"http://{address}/").read() == b"hello\n"
    asked = clean_hosts.hosts["box2"].shell(f"busybox wget -qO- http://{address}/")
    assert asked.stdout == "hello\n"


def test_a_cut_link_swallows_packets_until_it_is_mended(clean_hosts: Lab, box: Host) -> None:
    session = subprocess.Popen([*clean_hosts.ssh_words(box), "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert session.stdin
    assert session.stdout
    session.stdin.write(b"before\n")
    session.stdin.flush()
    assert session.stdout.readline() == b"before\n"
    box.cut()
    assert "timed out" in clean_hosts.ssh(box, "true", options=QUICK).stderr
    box.mend()
    assert session.communicate(b"after\n", timeout=20)[0] == b"after\n"
    assert clean_hosts.ssh(box, "true", options=QUICK).returncode == 0


def test_a_frozen_sshd_accepts_and_says_nothing(clean_hosts: Lab, box: Host) -> None:
    box.freeze_sshd()
    with socket.create_connection((box.address, 22), timeout=0.3) as connection:
        assert is_silent(connection)
    box.thaw_sshd()
    assert clean_hosts.ssh(box, "true").returncode == 0


def test_a_stopped_sshd_refuses_until_it_is_started(clean_hosts: Lab, box: Host) -> None:
    box.stop_sshd()
    assert "refused" in clean_hosts.ssh(box, "true").stderr
    box.start_sshd()
    assert clean_hosts.ssh(box, "true").returncode == 0


def test_a_frozen_engine_is_silent(box: Host) -> None:
    box.freeze_dockerd()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(0.3)
        connection.connect(box.docker_socket)
        connection.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
        assert is_silent(connection)
    box.thaw_dockerd()
    assert box.engine.answers()


@pytest.mark.parametrize("end", [Host.stop_dockerd, Host.kill_dockerd])
def test_an_engine_ends_and_comes_back_with_its_containers(box: Host, end: object) -> None:
    container = box.engine.run(IMAGE)
    assert callable(end)
    end(box)
    assert not box.engine.answers()
    box.start_dockerd()
    assert [entry["Id"] for entry in box.engine.call("GET", "/containers/json?all=1")] == [container]


def test_a_reboot_ends_containers_and_gives_a_new_boot_id(clean_hosts: Lab, box: Host) -> None:
    read_boot_id = "cat /proc/sys/kernel/random/boot_id"
    before = clean_hosts.ssh(box, read_boot_id).stdout
    box.engine.run(IMAGE, name="gone")
    box.engine.run(IMAGE, name="back", HostConfig={"RestartPolicy": {"Name": "always"}})
    box.shell("touch /run/left-over")
    box.reboot()
    assert box.shell("ls /run/left-over").returncode
    assert clean_hosts.ssh(box, read_boot_id).stdout not in ("", before)
    assert [entry["Names"] for entry in box.engine.call("GET", "/containers/json")] == [["/back"]]


def test_a_changed_host_key_is_refused_by_who_knew_the_old_one(clean_hosts: Lab, box: Host) -> None:
    box.change_host_key()
    assert "IDENTIFICATION HAS CHANGED" in clean_hosts.ssh(box, "true").stderr
    clean_hosts.write_known_hosts()
    assert clean_hosts.ssh(box, "true").returncode == 0


def test_an_nvidia_card_shows_what_containers_claim(clean_hosts: Lab) -> None:
    host = clean_hosts.hosts["gpu1"]
    assert clean_hosts.ssh(host, GPU_ROWS).stdout == "0, Tesla T4, 15360, 1032\n"
    container = host.engine.run(IMAGE, Labels={"lab.vram_mib": "1234"}, HostConfig=ANY_CARD)
    host.engine.run(IMAGE, Labels={"lab.vram_mib": "99"})
    assert clean_hosts.ssh(host, GPU_ROWS).stdout == "0, Tesla T4, 15360, 2266\n"
    assert "<used>2266 MiB</used>" in clean_hosts.ssh(host, "nvidia-smi -q -x").stdout
    host.engine.call("DELETE", f"/containers/{container}?force=1")
    assert clean_hosts.ssh(host, GPU_ROWS).stdout == "0, Tesla T4, 15360, 1032\n"


def test_the_stub_tools_are_fast(lab: Lab) -> None:
    for name, tool in (("gpu1", GPU_ROWS), ("amd1", "rocm-smi -a --json")):
        began = time.monotonic()
        lab.hosts[name].shell(f"for i in 1 2 3 4 5 6 7 8 9 10; do {tool}; done", check=True)
        assert time.monotonic() - began < 0.6


def test_an_amd_card_shows_what_containers_claim(clean_hosts: Lab) -> None:
    host = clean_hosts.hosts["amd1"]
    before = used_bytes(clean_hosts.ssh(host, "rocm-smi --showmeminfo vram --json").stdout)
    config = {"Devices": [{**RENDER_NODE, "CgroupPermissions": "rwm"}]}
    host.engine.run(IMAGE, Labels={"lab.vram_mib": "1000"}, HostConfig=config)
    after = used_bytes(clean_hosts.ssh(host, "rocm-smi --showmeminfo vram --json").stdout)
    assert after - before == 1000 * 1024 * 1024


def test_only_the_amd_host_has_render_nodes_and_its_user_may_open_them(lab: Lab) -> None:
    probe = "test -r /dev/kfd && test -w /dev/dri/renderD128"
    codes = {name: lab.ssh(host, probe).returncode for name, host in lab.hosts.items()}
    assert [name for name, code in codes.items() if code == 0] == ["amd1"]


def test_an_engine_without_the_nvidia_hook_refuses_device_requests(clean_hosts: Lab) -> None:
    with pytest.raises(LabError, match="could not select device driver"):
        clean_hosts.hosts["box1"].engine.run(IMAGE, HostConfig=ANY_CARD)


def test_a_card_that_is_not_there_is_refused(clean_hosts: Lab) -> None:
    request = {"Driver": "nvidia", "DeviceIDs": ["GPU-nowhere"], "Capabilities": [["gpu"]]}
    with pytest.raises(LabError, match="unknown device"):
        clean_hosts.hosts["gpu1"].engine.run(IMAGE, HostConfig={"DeviceRequests": [request]})


def test_a_proxy_delays_goes_silent_and_resets(lab: Lab) -> None:
    with lab.proxy(lab.hosts["box1"], latency_s=0.05) as proxy:
        began = time.monotonic()
        with socket.create_connection((proxy.address, proxy.port), timeout=2) as connection:
            assert connection.recv(4) == b"SSH-"
            assert time.monotonic() - began > 0.05
            proxy.cut()
            with socket.create_connection((proxy.address, proxy.port), timeout=0.3) as late:
                assert is_silent(late)
            proxy.reset()
            with pytest.raises(ConnectionResetError):
                drain(connection)


def is_silent(connection: socket.socket) -> bool:
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    return False


def drain(connection: socket.socket) -> None:
    while connection.recv(100):
        pass


def answers(address: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((address, port)) == 0


def used_bytes(text: str) -> int:
    return int(json.loads(text)["card0"]["VRAM Total Used Memory (B)"])
