"""Somebody who uses the command line: a folder with settings, an inventory and an ssh_config of their own."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab import Lab


@dataclass(frozen=True)
class Ran:
    """A command that ended."""

    code: int
    raw_out: bytes
    err: str

    @property
    def out(self) -> str:
        """Its standard output as text."""
        return self.raw_out.decode()

    @property
    def document(self) -> Any:
        """Its standard output as JSON."""
        return json.loads(self.out)


class User:
    """Runs `ozwald` as a whole process, with a data folder and known_hosts of its own."""

    def __init__(self, folder: Path, lab: Lab) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.more: dict[str, str] = {}
        self.before: list[str] = []
        self.known_hosts = folder / "known_hosts"
        self.hosts = {entry["name"]: entry for entry in lab.inventory()["hosts"]}
        self.known_hosts.write_bytes(lab.known_hosts.read_bytes())
        (folder / "ssh_config").write_text(f"UserKnownHostsFile {self.known_hosts}\nGlobalKnownHostsFile /dev/null\n")

    def has(self, definitions: Mapping[str, object], *, hosts: list[str], **realm: object) -> None:
        """Writes settings with these service definitions and an inventory of these hosts (JSON is YAML)."""
        services = [{"name": name, **dict(body)} for name, body in definitions.items()]  # type: ignore[call-overload]
        settings = {"realms": {"default": {"service-definitions": services, **realm}}}
        (self.folder / "settings.yml").write_text(json.dumps(settings))
        self.has_hosts([self.hosts[name] for name in hosts])

    def has_hosts(self, entries: list[dict[str, object]]) -> None:
        """Writes the inventory."""
        (self.folder / "inventory").mkdir(exist_ok=True)
        (self.folder / "inventory" / "hosts.yml").write_text(json.dumps({"hosts": entries}))

    def types(self, *words: str, answer: bytes = b"", timeout_s: float = 60.0) -> Ran:
        """Runs one command, behind the words `before`, gives it an answer on standard input and waits for it."""
        ended = subprocess.run(
            [*self.before, sys.executable, "-m", "ozwald", *words],
            cwd=self.folder,
            env=self.environment,
            input=answer,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        return Ran(ended.returncode, ended.stdout, ended.stderr.decode())

    def starts(self, *words: str) -> "subprocess.Popen[bytes]":
        """Starts one command whose standard output is a pipe, and does not wait for it."""
        return subprocess.Popen(
            [sys.executable, "-m", "ozwald", *words],
            cwd=self.folder,
            env=self.environment | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
        )

    def is_killed_after(self, seconds: float, *words: str) -> bool:
        """Starts one command and kills it (SIGKILL) after a while; False when it had ended by then."""
        running = subprocess.Popen(
            [sys.executable, "-m", "ozwald", *words],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            running.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
            return True
        return False

    def pipes_into(self, reader: str, *words: str, timeout_s: float = 60.0) -> None:
        """Runs one command whose standard error goes to a shell command that may end early."""
        line = f"{shlex.join([sys.executable, '-m', 'ozwald', *words])} 2>&1 >/dev/null | {reader}"
        subprocess.run(["sh", "-c", line], cwd=self.folder, env=self.environment, timeout=timeout_s, check=False)

    @property
    def environment(self) -> dict[str, str]:
        """The process environment: nothing of the real user's."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OZWALD_", "SSH_"))}
        root = str(Path(__file__).parents[2])
        return kept | {
            "OZWALD_HOME": str(self.folder / "state"),
            "OZWALD_SSH_CONFIG": str(self.folder / "ssh_config"),
            "PYTHONPATH": root,
            "NO_COLOR": "1",
            **self.more,
        }
