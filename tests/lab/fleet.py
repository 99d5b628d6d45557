"""The lab: starts, finds and takes down a fleet of hosts."""

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Self

from tests.lab import machine, network, record
from tests.lab.errors import LabError
from tests.lab.host import Host
from tests.lab.options import HostOptions, check
from tests.lab.processes import Process, end
from tests.lab.proxy import Proxy
from tests.lab.record import HostRecord, Record
from tests.lab.spawning import IDLE, Spawned, in_parallel, remove_cgroups

FILES = ("identity", "identity.pub", "known_hosts", "inventory.yml", "switch.log")
TOOLS = ("ip", "nsenter", "unshare", "iptables", "ssh-keygen", "/usr/sbin/sshd")


class Lab:
    """A running fleet. As a context manager it is taken down at the end."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.hosts = {name: Host(directory, name) for name in record.require(directory).hosts}

    @classmethod
    def start(cls, directory: Path | str, hosts: Mapping[str, HostOptions], *, detached: bool = False) -> Self:
        """Brings the fleet up, all or nothing; remains of a crashed lab in this directory are removed first.

        A detached lab outlives this process; any other is a crashed one as soon as this process has ended.
        """
        place, fleet = Path(directory).resolve(), dict(hosts)
        check(fleet)
        require_tools(fleet)
        place.mkdir(parents=True, exist_ok=True)
        with record.locked(place):
            _refuse_if_alive(place)
            _remove(place)
            _refuse_if_taken(place)
            try:
                _build(place, Record(owner=Process.of(os.getpid()), hosts=_numbered(fleet)))
                if detached:
                    record.update(place, lambda lab: replace(lab, owner=None))
            except BaseException:
                _remove(place)
                raise
        return cls(place)

    @classmethod
    def attach(cls, directory: Path | str) -> Self:
        """The lab that is up in this directory, whoever started it."""
        return cls(Path(directory).resolve())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def down(self) -> None:
        take_down(self.directory)

    @property
    def identity_file(self) -> Path:
        return self.directory / "identity"

    @property
    def known_hosts(self) -> Path:
        """A file with the keys the hosts had when it was last written."""
        return self.directory / "known_hosts"

    def write_known_hosts(self) -> None:
        """Records the keys the hosts have now."""
        lines = [f"{host.address} {host.host_key}\n" for host in self.hosts.values()]
        self.known_hosts.write_text("".join(lines))

    def inventory(self) -> dict[str, list[dict[str, object]]]:
        return {"hosts": [self._entry(host) for host in self.hosts.values()]}

    def _entry(self, host: Host) -> dict[str, object]:
        entry = {
            "name": host.name,
            "address": host.address,
            "port": host.port,
            "user": host.user,
            "identity_file": str(self.identity_file),
        }
        return entry | ({"jump": host.jump} if host.jump else {})

    def write_inventory(self, path: Path | str) -> None:
        """Writes the inventory as YAML, in the subset of it that is JSON."""
        Path(path).write_text(json.dumps(self.inventory(), indent=2) + "\n")

    def load_image(self, tarball: Path | str) -> None:
        """Loads an image into every host that has an engine."""
        in_parallel([partial(host.load_image, tarball) for host in self.hosts.values() if host.has_docker])

    def ssh(self, host: Host, command: str, *, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Runs a command as the host's user through the machine's own `ssh`, jump host included."""
        words = [*self.ssh_words(host, options=options), command]
        return subprocess.run(words, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    def ssh_words(self, host: Host, *, options: Sequence[str] = ()) -> list[str]:
        """The `ssh` command line to a host; no file of the calling user counts."""
        files = {"IdentityFile": self.identity_file, "UserKnownHostsFile": self.known_hosts}
        words = ["ssh", "-F", "none", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes"]
        words += [word for key, path in files.items() for word in ("-o", f"{key}={path}")]
        if host.jump:
            way = [*self.ssh_words(self.hosts[host.jump]), "-W", "%h:%p"]
            words += ["-o", f"ProxyCommand={shlex.join(way)}"]
        return [*words, *options, f"{host.user}@{host.address}"]

    def proxy(self, host: Host, *, latency_s: float = 0.0) -> Proxy:
        """A slow or breakable way to the host's sshd, each direction delayed by `latency_s`."""
        return Proxy((host.address, host.port), latency_s=latency_s)


def take_down(directory: Path | str) -> None:
    """Removes the lab in this directory, whole, half-built or gone already, and everything it made."""
    place = Path(directory).resolve()
    if not place.is_dir():
        return
    with record.locked(place):
        _remove(place)
    for name in ("lock", "lab.json.lock"):
        (place / name).unlink(missing_ok=True)
    with suppress(OSError):
        place.rmdir()


def is_crashed(directory: Path) -> bool:
    """Whether a lab is on record here whose owner has ended."""
    lab = record.read(directory)
    return lab is not None and lab.owner is not None and not lab.owner.is_alive


def require_tools(hosts: Mapping[str, HostOptions]) -> None:
    """Raises LabError, with what to do, where this machine cannot carry the fleet."""
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces: run it as root")
    needed = set(TOOLS)
    for options in hosts.values():
        asked = {"dockerd": options.docker, "curl": bool(options.amd), "sudo": options.sudo_docker}
        needed |= {tool for tool, is_needed in asked.items() if is_needed}
    missing = sorted(tool for tool in needed if not shutil.which(tool))
    if missing:
        packages = "docker.io openssh-server openssh-client iproute2 iptables util-linux curl sudo"
        raise LabError(f"the lab misses {', '.join(missing)}; on Debian: apt-get install {packages}")


def _numbered(hosts: Mapping[str, HostOptions]) -> dict[str, HostRecord]:
    numbers = range(network.FIRST_HOST, network.FIRST_HOST + len(hosts))
    pairs = zip(hosts.items(), numbers, strict=True)
    return {name: HostRecord(number=number, options=options) for (name, options), number in pairs}


def _refuse_if_alive(directory: Path) -> None:
    lab = record.read(directory)
    if lab is None or not any(process.is_alive for process in lab.processes()):
        return
    if lab.owner is None or lab.owner.is_alive:
        raise LabError(f"a lab is already up in {directory}: take it down first")


def _refuse_if_taken(directory: Path) -> None:
    """The end of a lab removes these names, so they must be its own."""
    taken = [name for name in ("hosts", *FILES) if (directory / name).exists()]
    if taken:
        raise LabError(f"{directory} holds {', '.join(taken)} of another origin: give the lab a directory of its own")


def _build(directory: Path, lab: Record) -> None:
    record.write(directory, lab)
    machine.make_key(directory / "identity", comment="lab")
    _claim_subnet(directory, _start_switch(directory, lab))
    lab = record.require(directory)
    in_parallel([partial(machine.prepare, directory, lab, name) for name in lab.hosts])
    Lab(directory).write_known_hosts()
    machine.power_on(directory, list(lab.hosts))


def _start_switch(directory: Path, lab: Record) -> Process:
    spawned = Spawned(IDLE, log=directory / "switch.log", namespaces=["--net"])
    record.update(directory, lambda lab: replace(lab, holder=spawned.holder, switch=spawned.init))
    spawned.go()
    return spawned.init


def _claim_subnet(directory: Path, switch: Process) -> None:
    for subnet in network.free_subnets():
        lab = record.update(directory, partial(_with_subnet, subnet))
        if network.claim(lab.key, subnet, switch):
            return
    raise LabError("every 10.203.N.0/24 is routed on this machine already")


def _with_subnet(subnet: int, lab: Record) -> Record:
    return replace(lab, subnet=subnet)


def _remove(directory: Path) -> None:
    lab = record.read(directory)
    if lab is None:
        return
    _end_everything(lab)
    with suppress(FileNotFoundError):
        shutil.rmtree(directory / "hosts")
    for name in FILES:
        (directory / name).unlink(missing_ok=True)
    record.forget(directory)


def _end_everything(lab: Record) -> None:
    end(lab.processes())
    if lab.subnet is not None:
        network.release(lab.key, lab.subnet)
    remove_cgroups(lab.cgroup)
