"""Connections to real sshd and real engines, through everything that befalls machines."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ozwald.errors import ConnectionFailed, EngineError, Failure, HostError, HostKeyError
from ozwald.model.host import Host
from ozwald.model.resources import Hardware
from ozwald.remote.command import shell_words
from ozwald.remote.connection import HostConnection
from ozwald.remote.fleet import Fleet
from ozwald.remote.probe import probe
from tests.lab import HostOptions, Lab
from tests.lab.standard import IMAGE
from tests.remote.reach import host_of, inventory_of, options_of

pytestmark = pytest.mark.lab

SPECIAL = {
    "gate": HostOptions(docker=False),
    "behind": HostOptions(jump="gate"),
    "sudo": HostOptions(sudo_docker=True),
    "closed": HostOptions(sshd=("AllowStreamLocalForwarding no",)),
    "vouched": HostOptions(docker=False, sshd=("HostCertificate /run/lab/ssh_host_ed25519_key-cert.pub",)),
    "narrow": HostOptions(docker=False, sshd=("MaxStartups 2:100:4", "MaxSessions 2")),
}


@pytest.fixture(scope="module")
def special(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Hosts whose sshd and engine are set up otherwise than usual."""
    with Lab.start(tmp_path_factory.mktemp("special") / "lab", SPECIAL) as running:
        yield running


@pytest.fixture
def fleet(lab: Lab) -> Iterator[Fleet]:
    with Fleet(inventory_of(lab), options=options_of(lab)) as open_fleet:
        yield open_fleet


@pytest.fixture
def odd(special: Lab) -> Iterator[Fleet]:
    with Fleet(inventory_of(special), options=options_of(special)) as open_fleet:
        yield open_fleet


def hostname(connection: HostConnection) -> str:
    return connection.run(["hostname"], timeout_s=10).stdout.decode().strip()


def failing(call: Any) -> HostError:
    with pytest.raises(HostError) as error:
        call()
    return error.value


def test_every_host_does_its_work_and_no_failure_stops_the_others(lab: Lab, fleet: Fleet) -> None:
    hosts = [*inventory_of(lab).values(), Host(name="nowhere", address="127.0.0.1", port=1)]
    seen = fleet.map(hosts, hostname)

    assert seen.values == {name: name for name in lab.hosts}
    assert list(seen.failures) == ["nowhere"]
    assert seen.failures["nowhere"].failure is Failure.RETRYABLE


def test_an_error_of_ours_comes_up_when_all_hosts_are_done(lab: Lab, fleet: Fleet) -> None:
    done: list[str] = []

    def work(connection: HostConnection) -> None:
        if connection.host.name == "bare":
            raise ZeroDivisionError
        time.sleep(0.2)
        done.append(connection.host.name)

    with pytest.raises(ZeroDivisionError):
        fleet.map(inventory_of(lab).values(), work)
    assert len(done) == len(lab.hosts) - 1


def test_a_closed_fleet_leaves_no_thread_and_no_descriptor(lab: Lab) -> None:
    def visit() -> None:
        with Fleet(inventory_of(lab), options=options_of(lab)) as passing:
            passing.map(inventory_of(lab).values(), hostname)
            passing.map([host_of(lab, "box1"), host_of(lab, "box2")], lambda c: c.engine().ping())

    visit()
    descriptors, threads = len(list(Path("/proc/self/fd").iterdir())), threading.active_count()
    for _ in range(3):
        visit()

    assert len(list(Path("/proc/self/fd").iterdir())) == descriptors
    assert threading.active_count() == threads


def test_words_arrive_as_they_are_and_shell_text_as_shell(lab: Lab, fleet: Fleet) -> None:
    connection = fleet.connection(host_of(lab, "bare"))

    words = ["printf", "%s|", "a b", "$HOME", "it's", "`id`", "", "x\ny", "*"]
    assert connection.run(words, timeout_s=5).stdout == b"a b|$HOME|it's|`id`||x\ny|*|"
    assert connection.run(shell_words("echo $((1 + 1)); exit 3"), timeout_s=5).exit_status == 3


def test_a_command_past_its_time_ends_on_the_host(lab: Lab, fleet: Fleet) -> None:
    connection = fleet.connection(host_of(lab, "bare"))
    result = connection.run(["sleep", "4711"], timeout_s=1)

    assert (result.exit_status, result.timed_out) == (124, True)
    assert lab.hosts["bare"].shell("pgrep -fx 'sleep 4711'").stdout == ""


def test_an_interrupted_command_ends_on_the_host(lab: Lab, fleet: Fleet) -> None:
    connection = fleet.connection(host_of(lab, "bare"))
    threading.Timer(0.5, connection.interrupt).start()
    started = time.monotonic()
    with pytest.raises(ConnectionFailed) as error:
        connection.run(["sleep", "4712"], timeout_s=30)

    assert error.value.failure is Failure.UNKNOWN
    assert time.monotonic() - started < 5
    time.sleep(0.2)
    assert lab.hosts["bare"].shell("pgrep -fx 'sleep 4712'").stdout == ""


def test_large_input_and_output_pass_each_other(lab: Lab, fleet: Fleet) -> None:
    content = bytes(range(256)) * 40_000
    result = fleet.connection(host_of(lab, "bare")).run(["cat"], stdin=content, timeout_s=30, limit_bytes=1 << 30)

    assert result.stdout == content


def test_ctrl_c_ends_the_commands_on_the_hosts(lab: Lab, tmp_path: Path) -> None:
    script = tmp_path / "run.py"
    script.write_text(
        "import sys, threading, os, signal\n"
        "from pathlib import Path\n"
        "from tests.lab import Lab\n"
        "from tests.remote.reach import inventory_of, options_of\n"
        "from ozwald.remote.fleet import Fleet\n"
        "lab = Lab.attach(Path(sys.argv[1]))\n"
        "threading.Timer(1.0, lambda: os.kill(os.getpid(), signal.SIGINT)).start()\n"
        "with Fleet(inventory_of(lab), options=options_of(lab)) as fleet:\n"
        "    fleet.map(inventory_of(lab).values(), lambda c: c.run(['sleep', '4713'], timeout_s=60))\n"
    )
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(script), str(lab.directory)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"},
    )

    assert "KeyboardInterrupt" in done.stderr
    assert time.monotonic() - started < 10
    for host in lab.hosts.values():
        assert host.shell("pgrep -fx 'sleep 4713'").stdout == ""


def test_a_probe_finds_the_cards(lab: Lab, fleet: Fleet) -> None:
    seen = fleet.map(inventory_of(lab).values(), probe)

    assert seen.failures == {}
    (nvidia,) = seen.values["gpu1"].cards(Hardware.NVIDIA)
    assert (nvidia.name, nvidia.driver_version) == ("Tesla T4", "515.105.01")
    (amd,) = seen.values["amd1"].cards(Hardware.AMDGPU)
    assert (amd.render_node, bool(amd.group_ids)) == ("/dev/dri/renderD128", True)
    assert seen.values["box1"].gpus == ()
    boots = {resources.boot_id for resources in seen.values.values()}
    assert len(boots) == len(lab.hosts)
    docker = seen.values["box1"].docker
    assert docker is not None
    assert docker.root_dir
    assert "install docker.io" in seen.values["bare"].missing["docker"]


def test_a_tool_that_hangs_does_not_hang_the_probe(lab: Lab, fleet: Fleet) -> None:
    tool = "/opt/rocm/bin/rocm-smi"
    hanging = f"mkdir -p /opt/rocm/bin && printf '#!/bin/sh\\nsleep 100\\n' > {tool} && chmod +x {tool}"
    lab.hosts["bare"].shell(hanging, check=True)
    try:
        started = time.monotonic()
        found = probe(fleet.connection(host_of(lab, "bare")), tool_s=1)
        assert time.monotonic() - started < 4
    finally:
        lab.hosts["bare"].shell(f"rm {tool}", check=True)

    assert found.missing["gpus"] == "rocm-smi: it took too long"
    assert found.memory_available_bytes


def test_a_cut_link_is_noticed_and_the_outcome_unknown(lab: Lab, fleet: Fleet) -> None:
    connection = fleet.connection(host_of(lab, "box2"))
    connection.engine().ping()
    lab.hosts["box2"].cut()
    try:
        started = time.monotonic()
        error = failing(lambda: connection.run(["true"], timeout_s=30))
        assert time.monotonic() - started < 15
        assert error.failure in (Failure.UNKNOWN, Failure.RETRYABLE)
        assert not connection.is_open()
        error = failing(lambda: connection.engine().create("ozsvc--r--a", {"Image": IMAGE}))
        assert error.failure is Failure.RETRYABLE
    finally:
        lab.hosts["box2"].mend()
    assert hostname(fleet.connection(host_of(lab, "box2"))) == "box2"


def test_a_frozen_sshd_is_noticed(lab: Lab, fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ozwald.remote.connection.CHANNEL_S", 1.0)
    connection = fleet.connection(host_of(lab, "box2"))
    engine = connection.engine()
    lab.hosts["box2"].freeze_sshd()
    try:
        for call in (engine.ping, lambda: connection.run(["true"], timeout_s=5)):
            started = time.monotonic()
            assert failing(call).failure is Failure.RETRYABLE
            assert time.monotonic() - started < 7
    finally:
        lab.hosts["box2"].thaw_sshd()
    engine.ping()


def test_a_frozen_engine_is_noticed_by_a_ping(lab: Lab, fleet: Fleet) -> None:
    engine = fleet.connection(host_of(lab, "box2")).engine()
    lab.hosts["box2"].freeze_dockerd()
    try:
        started = time.monotonic()
        error = failing(engine.ping)
        assert time.monotonic() - started < 7
        assert (type(error), error.failure) == (EngineError, Failure.RETRYABLE)
    finally:
        lab.hosts["box2"].thaw_dockerd()
    engine.ping()


def test_an_engine_that_restarts_is_found_again(lab: Lab, fleet: Fleet) -> None:
    engine = fleet.connection(host_of(lab, "box2")).engine()
    engine.ping()
    lab.hosts["box2"].stop_dockerd()
    error = failing(engine.list_containers)
    assert isinstance(error, EngineError)
    assert error.failure is not Failure.UNKNOWN
    lab.hosts["box2"].start_dockerd()

    assert engine.image(IMAGE) is not None


def test_a_reboot_ends_the_connection_and_the_next_one_works(lab: Lab, fleet: Fleet) -> None:
    host = host_of(lab, "box2")
    before = fleet.connection(host)
    boot = probe(before).boot_id
    lab.hosts["box2"].reboot()

    error = failing(lambda: hostname(before))
    assert error.failure in (Failure.UNKNOWN, Failure.RETRYABLE)
    assert probe(fleet.connection(host)).boot_id != boot


def test_a_host_behind_another_is_reached_with_one_connection_to_the_jump_host(special: Lab, odd: Fleet) -> None:
    host = host_of(special, "behind")

    assert hostname(odd.connection(host)) == "behind"
    assert odd.connection(host).engine().list_containers() == ()


def test_where_forwarding_is_forbidden_the_docker_command_carries_the_engine(special: Lab, odd: Fleet) -> None:
    engine = odd.connection(host_of(special, "closed")).engine()

    assert engine.list_containers() == ()
    assert engine.facts().version


def test_without_become_a_user_outside_the_docker_group_is_told_so(special: Lab, odd: Fleet) -> None:
    error = failing(odd.connection(host_of(special, "sudo")).engine)

    assert error.failure is Failure.TERMINAL
    assert "may not use the Docker socket: add it to the docker group, or set become: true" in error.message


def test_with_become_sudo_carries_engine_and_commands(special: Lab, odd: Fleet) -> None:
    connection = odd.connection(host_of(special, "sudo", become=True))

    assert connection.engine().list_containers() == ()
    assert connection.run(["id", "-u"], timeout_s=5).stdout == b"0\n"


def test_many_connections_to_one_sshd_are_paced_and_made_again(special: Lab, odd: Fleet) -> None:
    hosts = [host_of(special, "narrow") for _ in range(20)]
    named = [Host(name=f"n{number}", **_fields(host)) for number, host in enumerate(hosts)]
    seen = odd.map(named, hostname, deadline=time.monotonic() + 60)

    assert seen.failures == {}
    assert set(seen.values.values()) == {"narrow"}


def _fields(host: Host) -> dict[str, Any]:
    names = ("address", "port", "user", "identity_file")
    return {name: getattr(host, name) for name in names}


def test_a_session_too_many_may_be_tried_again(special: Lab, odd: Fleet) -> None:
    connection = odd.connection(host_of(special, "narrow"))
    threads = [
        threading.Thread(target=connection.run, args=(["sleep", "2"],), kwargs={"timeout_s": 10}) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    error = failing(lambda: connection.run(["true"], timeout_s=5))
    for thread in threads:
        thread.join()

    assert error.failure is Failure.RETRYABLE
    assert "MaxSessions" in error.message


def test_a_changed_host_key_is_refused(special: Lab, odd: Fleet) -> None:
    host = host_of(special, "narrow")
    odd.connection(host).close()
    special.hosts["narrow"].change_host_key()
    try:
        error = failing(lambda: odd.connection(host))
        assert isinstance(error, HostKeyError)
        assert error.message.count("SHA256:") == 2
    finally:
        special.write_known_hosts()
    assert hostname(odd.connection(host)) == "narrow"


def test_an_authority_can_vouch_for_a_host(special: Lab, tmp_path: Path) -> None:
    box, authority = special.hosts["vouched"], tmp_path / "ca"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(authority)], check=True)
    signing = ["ssh-keygen", "-q", "-s", str(authority), "-I", "vouched", "-h", "-n", box.address]
    subprocess.run([*signing, str(box.directory / "ssh_host_ed25519_key.pub")], check=True)
    box.stop_sshd()
    box.start_sshd()
    known = tmp_path / "known_hosts"
    known.write_text(f"@cert-authority 10.* {authority.with_suffix('.pub').read_text()}")

    with Fleet({}, options=options_of(special, known_hosts=(str(known),))) as fleet:
        assert hostname(fleet.connection(host_of(special, "vouched"))) == "vouched"
    known.write_text(f"@cert-authority 192.* {authority.with_suffix('.pub').read_text()}")
    with Fleet({}, options=options_of(special, known_hosts=(str(known),))) as fleet:
        assert isinstance(failing(lambda: fleet.connection(host_of(special, "vouched"))), HostKeyError)


def test_a_fresh_engine_answers_without_waiting_for_acknowledgements(lab: Lab) -> None:
    def first_answer_s() -> float:
        with Fleet(inventory_of(lab), options=options_of(lab)) as passing:
            connection = passing.connection(host_of(lab, "box1"))
            started = time.perf_counter()
            connection.engine().list_containers()
            return time.perf_counter() - started

    assert min(first_answer_s() for _ in range(5)) < 0.035
