"""One host of a running lab: its addresses, and everything that can befall it."""

import signal
import subprocess
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

from tests.lab import machine, network, record
from tests.lab.engine import Engine
from tests.lab.errors import LabError
from tests.lab.processes import Process, command, in_namespace, wait_until
from tests.lab.record import HostRecord, Record
from tests.lab.spawning import ENVIRONMENT, enter

SSHD = ("sshd", "sshd-session", "sshd-auth")
DOCKERD = ("dockerd",)
CONTAINERD = ("containerd",)


class Host:
    """A host by name; pids are read from the lab's record each time, as any process may reboot it."""

    port = 22
    user = machine.LOGIN

    def __init__(self, lab_directory: Path, name: str) -> None:
        self._lab_directory = lab_directory
        self.name = name
        self.directory = machine.host_directory(lab_directory, name)

    def __repr__(self) -> str:
        return f"Host({self.name!r}, {self.address})"

    @property
    def address(self) -> str:
        lab = self._lab
        assert lab.subnet is not None
        return network.address(lab.subnet, lab.hosts[self.name].number)

    @property
    def host_key(self) -> str:
        """The public key as in a `.pub` file, without comment."""
        words = (self.directory / "ssh_host_ed25519_key.pub").read_text().split()
        return " ".join(words[:2])

    @property
    def jump(self) -> str | None:
        return self._record.options.jump

    @property
    def has_docker(self) -> bool:
        return self._record.options.docker

    @property
    def init(self) -> Process:
        init = self._record.init
        if init is None or not init.is_alive:
            raise LabError(f"{self.name} is not running")
        return init

    @property
    def docker_socket(self) -> str:
        """The engine's socket as seen from the machine; another path after each reboot."""
        return f"/proc/{self.init.pid}/root/run/docker.sock"

    @property
    def engine(self) -> Engine:
        return Engine(self.docker_socket)

    def shell(self, script: str, *, check: bool = False, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Runs a `sh` script as root inside the host."""
        return self._enter(["sh", "-c", script], check=check, timeout_s=timeout_s)

    def load_image(self, path: Path | str) -> None:
        self.engine.load(Path(path))

    def cut(self) -> None:
        """The link goes dead: packets vanish both ways, nobody is told."""
        network.drop_link(self.init)
        self._change(lambda host: replace(host, is_cut=True))

    def mend(self) -> None:
        machine.raise_link(self._lab, self.name)
        self._change(lambda host: replace(host, is_cut=False))

    def freeze_sshd(self) -> None:
        """Stops sshd and its sessions where they are; the kernel still acknowledges for them."""
        self._freeze(SSHD)

    def thaw_sshd(self) -> None:
        self._signal(SSHD, signal.SIGCONT)

    def stop_sshd(self) -> None:
        """Ends sshd and every session; the port refuses."""
        self._kill(SSHD)

    def start_sshd(self) -> None:
        self._daemon("start_sshd")
        machine.wait_sshd(self.directory, self.init)

    def freeze_dockerd(self) -> None:
        self._freeze(DOCKERD)

    def thaw_dockerd(self) -> None:
        self._signal(DOCKERD, signal.SIGCONT)

    def stop_dockerd(self) -> None:
        """Ends the engine in its own time, and with it the containers, as Docker does."""
        self._signal(DOCKERD, signal.SIGTERM)
        wait_until(lambda: not self._processes(DOCKERD), timeout_s=60, what=f"{self.name}'s dockerd to end")

    def kill_dockerd(self) -> None:
        """Ends the engine at once; containers go on running until the next one starts."""
        self._kill(DOCKERD)
        self._kill(CONTAINERD)

    def start_dockerd(self) -> None:
        self._daemon("start_dockerd")
        machine.wait_dockerd(self.directory, self.init)

    def reboot(self) -> None:
        """The power fails and comes back: only disks survive, the boot id is new."""
        with record.locked(self._lab_directory):
            machine.power_off(self._lab_directory, [self.name])
            machine.power_on(self._lab_directory, [self.name])

    def change_host_key(self) -> None:
        """The host answers with another key from now on; the lab's known_hosts keeps the old one."""
        machine.make_host_key(self.directory)
        self.stop_sshd()
        self.start_sshd()

    @property
    def _lab(self) -> Record:
        lab = record.read(self._lab_directory)
        if lab is None or self.name not in lab.hosts:
            raise LabError(f"there is no lab with a host {self.name} in {self._lab_directory}")
        return lab

    @property
    def _record(self) -> HostRecord:
        return self._lab.hosts[self.name]

    def _change(self, edit: Callable[[HostRecord], HostRecord]) -> None:
        record.update(self._lab_directory, lambda lab: lab.with_host(self.name, edit(lab.hosts[self.name])))

    def _enter(self, words: Sequence[str], *, check: bool, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            enter(self.init, words),
            capture_output=True,
            text=True,
            check=check,
            timeout=timeout_s,
            env=ENVIRONMENT,
            stdin=subprocess.DEVNULL,
        )

    def _daemon(self, function: str) -> None:
        done = self._enter(["sh", "/run/lab/lib/daemons.sh", function], check=False)
        if done.returncode:
            raise LabError(f"{self.name}: {function}: {done.stderr.strip()}")

    def _processes(self, names: Collection[str]) -> list[Process]:
        """The host's own processes of these names, not those in containers: these have other pid namespaces."""
        inside = in_namespace("pid", self.init.namespace("pid"))
        return [process for process in inside if command(process) in names]

    def _signal(self, names: Collection[str], number: signal.Signals) -> None:
        for process in self._processes(names):
            process.send(number)

    def _freeze(self, names: Collection[str]) -> None:
        self._repeat(names, signal.SIGSTOP, lambda process: process.is_stopped)

    def _kill(self, names: Collection[str]) -> None:
        self._repeat(names, signal.SIGKILL, lambda process: not process.is_alive)

    def _repeat(self, names: Collection[str], number: signal.Signals, is_done: Callable[[Process], bool]) -> None:
        """Signals until all are done: a listener may fork a session between two looks."""

        def all_done() -> bool:
            left = [process for process in self._processes(names) if not is_done(process)]
            for process in left:
                process.send(number)
            return not left

        wait_until(all_done, timeout_s=10, what=f"{number.name} to reach {self.name}'s {', '.join(names)}")
