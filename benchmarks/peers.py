"""How each tool is told to do the same: Ozwald, Ansible, pyinfra, parallel-ssh and plain ssh."""

import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.timing import Contender, process, reported

HERE = Path(__file__).parent
TOOLS = Path(os.environ.get("OZWALD_PEERS", HERE.parent / ".venv-peers")) / "bin"
_ANSIBLE = ("all", "-i", "hosts.ini", "-f", "50")
FACTS = ("server.Os", "server.OsVersion", "server.Kernel", "hardware.Cpus", "hardware.Memory", "hardware.BlockDevices")


@dataclass(frozen=True, slots=True, kw_only=True)
class Peers:
    """The files each tool wants for the same addresses, and the command lines."""

    folder: Path
    addresses: tuple[str, ...]
    port: int
    user: str
    identity_file: Path
    host_key: str
    environment: Mapping[str, str]

    def cold(self) -> dict[str, Contender]:
        """One command on all hosts, nothing open before."""
        self._write(self.addresses)
        return {
            "ozwald run": self._process("ozwald", "run", "all", "--parallel", "100", "--", "true"),
            "parallel-ssh": self._process("python", str(HERE / "with_parallel_ssh.py"), "1", *self._script_words()),
            "pyinfra exec": self._process(
                *("pyinfra", "-y", "--parallel", "100", "pyinfra_hosts.py", "exec", "--", "true")
            ),
            "ssh, all at once": self._process("sh", "ssh_all.sh"),
            "ansible -m raw, 50 forks": self._process(*self._ansible("raw", "-a", "true", control="no")),
        }

    def warm(self) -> dict[str, Contender]:
        """The same again while connections are open."""
        self._write(self.addresses)
        return {
            "ozwald, Fleet.map": self._reported("python", str(HERE / "with_ozwald.py"), *self._script_words()),
            "parallel-ssh, same client": self._reported(
                "python", str(HERE / "with_parallel_ssh.py"), "2", *self._script_words()
            ),
            "ansible -m raw, ControlPersist": self._process(*self._ansible("raw", "-a", "true", control="auto")),
        }

    def probing(self, count: int) -> dict[str, Contender]:
        """Everything the tool wants to know about the first `count` hosts."""
        self._write(self.addresses[:count])
        return {
            "ozwald show_host_resources": self._process("ozwald", "show_host_resources", "-o", "json"),
            "pyinfra fact": self._process("pyinfra", "-y", "--parallel", "100", "pyinfra_hosts.py", "fact", *FACTS),
            "ansible -m setup, 50 forks": self._process(*self._ansible("setup", control="no")),
        }

    def _script_words(self) -> Sequence[str]:
        return (self.user, str(self.identity_file), str(self.port), str(self.folder / "known_hosts"), *self.addresses)

    def _ansible(self, module: str, *words: str, control: str) -> Sequence[str]:
        # Without `control` Ansible's own default would keep connections open from one run to the next.
        ssh = f"-C -o ControlMaster={control} -o ControlPersist=60s -o UserKnownHostsFile={self.folder}/known_hosts"
        return ("env", f"ANSIBLE_SSH_ARGS={ssh}", *_found(("ansible", *_ANSIBLE)), "-m", module, *words)

    def _process(self, *words: str) -> Contender:
        return process(_found(words), cwd=self.folder, environment=self._environment)

    def _reported(self, *words: str) -> Contender:
        return reported(_found(words), cwd=self.folder, environment=self._environment)

    @property
    def _environment(self) -> Mapping[str, str]:
        return {
            **self.environment,
            "OZWALD_HOME": str(self.folder / "state"),
            "OZWALD_SSH_CONFIG": str(self.folder / "ssh_config"),
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.folder / "cp"),
            "ANSIBLE_HOME": str(self.folder / "ansible"),
            "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
            "PYTHONPATH": str(HERE.parent),
        }

    def _write(self, addresses: Sequence[str]) -> None:
        """The inventories; known_hosts holds every address, since all tools check keys."""
        hosts = {f"h{number}": address for number, address in enumerate(addresses, 1)}
        names = [address if self.port == 22 else f"[{address}]:{self.port}" for address in addresses]
        self._put("known_hosts", "".join(f"{name} {self.host_key}\n" for name in names))
        self._put("ssh_config", f"UserKnownHostsFile {self.folder}/known_hosts\n")
        login = {"user": self.user, "port": self.port, "identity_file": str(self.identity_file)}
        entries = [{"name": name, "ip": address, **login} for name, address in hosts.items()]
        self._put("settings.yml", json.dumps({"hosts": entries, "realms": {"default": {}}}))
        self._put(
            "hosts.ini",
            "".join(f"{name} ansible_host={address}\n" for name, address in hosts.items())
            + f"[all:vars]\nansible_user={self.user}\nansible_port={self.port}\n"
            + f"ansible_ssh_private_key_file={self.identity_file}\n",
        )
        ours = {"ssh_user": self.user, "ssh_port": self.port, "ssh_key": str(self.identity_file)}
        ours |= {"ssh_known_hosts_file": str(self.folder / "known_hosts")}
        self._put("pyinfra_hosts.py", f"hosts = {[(address, ours) for address in addresses]!r}\n")
        words = ["ssh", "-F", "ssh_config", "-o", "BatchMode=yes", "-i", str(self.identity_file), "-p", str(self.port)]
        lines = [shlex.join([*words, f"{self.user}@{address}", "true"]) + " &\n" for address in addresses]
        self._put("ssh_all.sh", "".join(lines) + "wait\n")

    def _put(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)


def _found(words: Sequence[str]) -> list[str]:
    """The command with its tool by path: Ozwald's from this virtual environment, the others' from theirs."""
    folder = Path(sys.executable).parent if words[0] == "ozwald" or "with_ozwald.py" in words[1] else TOOLS
    return [str(folder / words[0]) if (folder / words[0]).exists() else words[0], *words[1:]]
