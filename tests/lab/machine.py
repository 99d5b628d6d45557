"""Makes hosts from their records: files, namespaces, wires, daemons, and takes their power away again."""

import os
import shlex
import shutil
import subprocess
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from tests.lab import gpus, network, record
from tests.lab.engine import Engine
from tests.lab.errors import LabError
from tests.lab.processes import Process, end, wait_until
from tests.lab.record import HostRecord, Record
from tests.lab.spawning import ENVIRONMENT, HERE, Spawned, in_parallel, remove_cgroups, tail

LOGIN = "ozwald"
NAMESPACES = ("--mount", "--uts", "--net")


def host_directory(directory: Path, name: str) -> Path:
    return directory / "hosts" / name


def prepare(directory: Path, lab: Record, name: str) -> None:
    """Writes everything the host's boot script reads."""
    host, home = lab.hosts[name], host_directory(directory, name)
    for folder in ("lib", "bin"):
        (home / folder).mkdir(parents=True, exist_ok=True)
    for script in ("boot.sh", "daemons.sh", "provision.sh"):
        shutil.copy(HERE / script, home / "lib")
    shutil.copy(directory / "identity.pub", home / "authorized_keys")
    (home / "sshd_options").write_text("".join(f"{line}\n" for line in host.options.sshd))
    amd_cards = gpus.install(host.options, home)
    values = _settings(lab, name) | {"AMD_CARDS": " ".join(amd_cards)}
    (home / "host.env").write_text("".join(f"{key}={shlex.quote(value)}\n" for key, value in values.items()))
    make_host_key(home)


def _settings(lab: Record, name: str) -> dict[str, str]:
    host = lab.hosts[name]
    options = host.options
    groups = ["video", "render"] if options.amd else []
    assert lab.subnet is not None
    return {
        "NAME": name,
        "ADDRESS": network.address(lab.subnet, host.number),
        "MACHINE_ID": uuid.uuid5(uuid.NAMESPACE_DNS, f"{lab.key}.{name}").hex,
        "MEMORY_KIB": str(options.memory_bytes // 1024) if options.memory_bytes else "",
        "LOGIN": LOGIN,
        "LOGIN_GROUPS": " ".join(groups if options.sudo_docker else [*groups, "docker"]),
        "ALLOW_SUDO": "yes" if options.sudo_docker else "",
        "HAS_DOCKER": "yes" if options.docker else "",
        "DOCKERD_OPTIONS": " ".join(options.dockerd),
        "CGROUP_PARENT": f"/{lab.cgroup}/{name}",
    }


def make_host_key(home: Path) -> None:
    make_key(home / "ssh_host_ed25519_key", comment=home.name)


def make_key(path: Path, *, comment: str) -> None:
    for old in (path, path.with_suffix(".pub")):
        old.unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(command, check=True, env=ENVIRONMENT)


def power_on(directory: Path, names: Sequence[str]) -> None:
    """Boots these hosts, all at once, and waits for their daemons."""
    spawned = {name: _spawn(directory, name) for name in names}
    lab = record.require(directory)
    for name, host in lab.hosts.items():
        if name in names or host.options.jump in names:
            connect(lab, name)
    for one in spawned.values():
        one.go()
    in_parallel([partial(_wait_up, directory, lab, name) for name in names])


def _spawn(directory: Path, name: str) -> Spawned:
    home = host_directory(directory, name)
    command = ["sh", str(home / "lib" / "boot.sh"), str(home)]
    spawned = Spawned(command, log=home / "boot.log", namespaces=NAMESPACES)

    def note(lab: Record) -> Record:
        host = replace(lab.hosts[name], holder=spawned.holder, init=spawned.init)
        return lab.with_host(name, host)

    record.update(directory, note)
    return spawned


def connect(lab: Record, name: str) -> None:
    host = lab.hosts[name]
    upstream = lab.hosts[host.options.jump].init if host.options.jump else lab.switch
    if host.init is None or upstream is None or lab.subnet is None or not host.init.is_alive:
        return
    with suppress(LabError):
        network.batch(["link del eth0"], inside=host.init)
    jump = _jump_number(lab, host)
    network.connect(lab.key, lab.subnet, host.number, host=host.init, upstream=upstream, jump=jump)
    if host.is_cut:
        network.drop_link(host.init)


def raise_link(lab: Record, name: str) -> None:
    host = lab.hosts[name]
    if host.init is None or lab.subnet is None:
        raise LabError(f"{name} is not running")
    network.raise_link(lab.key, lab.subnet, host.number, host=host.init, jump=_jump_number(lab, host))


def _jump_number(lab: Record, host: HostRecord) -> int | None:
    return lab.hosts[host.options.jump].number if host.options.jump else None


def _wait_up(directory: Path, lab: Record, name: str) -> None:
    host, home = lab.hosts[name], host_directory(directory, name)
    assert host.init
    wait_sshd(home, host.init)
    if host.options.docker:
        wait_dockerd(home, host.init)


def wait_sshd(home: Path, init: Process) -> None:
    pidfile = f"/proc/{init.pid}/root/run/sshd.pid"
    _wait_for(init, lambda: os.path.exists(pidfile), home, ("boot.log", "sshd.log"))


def wait_dockerd(home: Path, init: Process) -> None:
    engine = Engine(f"/proc/{init.pid}/root/run/docker.sock", timeout_s=5)
    _wait_for(init, engine.answers, home, ("boot.log", "dockerd.log"))


def _wait_for(init: Process, is_ready: Callable[[], bool], home: Path, logs: Sequence[str]) -> None:
    try:
        wait_until(lambda: is_ready() or not init.is_alive, timeout_s=60, what="its daemons")
        if init.is_alive:
            return
        reason = "its first process ended"
    except LabError as error:
        reason = str(error)
    raise LabError(f"{home.name} does not come up: {reason}\n" + "\n".join(tail(home / log) for log in logs))


def power_off(directory: Path, names: Sequence[str]) -> None:
    """Kills these hosts with everything in them; their control groups go too."""
    lab = record.require(directory)
    hosts = [lab.hosts[name] for name in names]
    end(process for host in hosts for process in (host.init, host.holder) if process)
    for name in names:
        remove_cgroups(f"{lab.cgroup}/{name}")
