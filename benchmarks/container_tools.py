"""How each tool is told to run the same containers: Ozwald, Ansible, the docker CLI, Compose, and bare API calls."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.peers import HERE, TOOLS
from tests.lab import Lab
from tests.lab.host import Host

IMAGE = "lab/busybox:1"
OZWALD, FLOOR = "ozwald apply", "bare API calls"
Words = Sequence[str]


class State(StrEnum):
    """What is asked for, in the order in which it is."""

    FIRST = "first time"
    NOTHING = "nothing to do"
    CHANGE = "one change"
    REMOVED = "all removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """The containers that each host is to run; `changed` is the one that gets another environment."""

    folder: Path
    lab: Lab
    containers: Mapping[str, Sequence[str]]
    changed: str

    @property
    def hosts(self) -> Sequence[Host]:
        return [self.lab.hosts[name] for name in self.containers]

    def write(self, name: str, content: object) -> str:
        """Writes a file, text as it is and all else as JSON, and returns its name."""
        text = content if isinstance(content, str) else json.dumps(content, indent=1)
        (self.folder / name).write_text(text)
        return name


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """The command for each state, run in the task's folder; `tells_work` when it prints what imports leave of it."""

    name: str
    commands: Mapping[State, Words]
    environment: Mapping[str, str]
    tells_work: bool = False


def tools(task: Task) -> list[Tool]:
    """Writes every tool's files; the first two are what the ratios are of."""
    makers: dict[str, Callable[[Task], Mapping[State, Words]]] = {
        OZWALD: _ozwald,
        FLOOR: _bare_calls,
        "docker-compose over ssh": _compose,
        "docker CLI over ssh": _docker_cli,
        "ansible docker_container": _ansible,
        "ansible, pipelining": _ansible,
    }
    environment = _environment(task)
    return [
        Tool(
            name=name,
            commands=make(task),
            environment=environment | ({"ANSIBLE_PIPELINING": "1"} if "pipelining" in name else {}),
            tells_work=name == FLOOR,
        )
        for name, make in makers.items()
    ]


def _environment(task: Task) -> dict[str, str]:
    """One ssh_config for all. Those who call `ssh` get one of their own name that reads it and shares connections."""
    known = f"UserKnownHostsFile {task.lab.known_hosts}\nIdentityFile {task.lab.identity_file}\n"
    task.write("ssh_config", known)
    shared = f"ControlMaster auto\nControlPersist 60\nControlPath {task.folder}/%C\n"
    task.write("ssh_config_shared", f"{known}{shared}")
    wrapper = task.folder / "bin" / "ssh"
    wrapper.parent.mkdir()
    wrapper.write_text(f'#!/bin/sh\nexec /usr/bin/ssh -F {task.folder}/ssh_config_shared "$@"\n')
    wrapper.chmod(0o755)
    return os.environ | {
        "PATH": f"{wrapper.parent}:{os.environ['PATH']}",
        "OZWALD_HOME": str(task.folder / "state"),
        "OZWALD_SSH_CONFIG": str(task.folder / "ssh_config"),
        "ANSIBLE_HOME": str(task.folder / "ansible"),
        "ANSIBLE_SSH_ARGS": f"-C -F {task.folder}/ssh_config_shared",
    }


def _ozwald(task: Task) -> Mapping[State, Words]:
    """Placed by hand: the others are told the host as well."""
    service = {"name": "idle", "image": IMAGE, "pull_policy": "never", "environment": {"VERSION": "1"}}
    service["profiles"] = {"next": {"environment": {"VERSION": "2"}}}
    task.write("settings.yml", {"realms": {"default": {"service-definitions": [service]}}})
    (task.folder / "inventory").mkdir()
    task.lab.write_inventory(task.folder / "inventory" / "hosts.yml")
    wanted = [
        {"name": name, "service": "idle", "host": host} for host, names in task.containers.items() for name in names
    ]
    changed = [one | {"profile": "next"} if one["name"] == task.changed else one for one in wanted]
    apply = [str(Path(sys.executable).with_name("ozwald")), "apply", "--file"]
    first = [*apply, task.write("wanted.json", wanted)]
    return {
        State.FIRST: first,
        State.NOTHING: first,
        State.CHANGE: [*apply, task.write("changed.json", changed)],
        State.REMOVED: [*apply, task.write("nothing.json", [])],
    }


def _bare_calls(task: Task) -> Mapping[State, Words]:
    places = {host.name: host.docker_socket for host in task.hosts}
    file = task.write("bare_calls.json", {"sockets": places, "containers": task.containers, "changed": task.changed})
    return {state: [sys.executable, str(HERE / "with_docker_sdk.py"), file, state] for state in State}


def _compose(task: Task) -> Mapping[State, Words]:
    def services(host: Host, changed: str) -> dict[str, object]:
        return {
            name: {
                "image": IMAGE,
                "pull_policy": "never",
                "restart": "unless-stopped",
                "container_name": name,
                "environment": {"VERSION": "2" if name == changed else "1"},
            }
            for name in task.containers[host.name]
        }

    def project(file: str, *words: str) -> Callable[[Host], str]:
        compose = str(Path(sys.executable).with_name("docker-compose"))
        return lambda host: shlex.join([compose, "--progress", "quiet", "-f", f"{file}-{host.name}.yml", *words])

    for host in task.hosts:
        task.write(f"compose-{host.name}.yml", {"name": "bench", "services": services(host, "")})
        task.write(f"changed-{host.name}.yml", {"name": "bench", "services": services(host, task.changed)})
    up = ("up", "--detach")
    return {
        State.FIRST: _on_all(task, "compose-first.sh", project("compose", *up)),
        State.NOTHING: _on_all(task, "compose-first.sh", project("compose", *up)),
        State.CHANGE: _on_all(task, "compose-change.sh", project("changed", *up)),
        State.REMOVED: _on_all(task, "compose-down.sh", project("changed", "down")),
    }


def _docker_cli(task: Task) -> Mapping[State, Words]:
    """It has no wanted state: nothing to do is a list, and one change is told as such."""

    def start(name: str, version: int) -> str:
        restart, network = "--restart unless-stopped", "--network bench"
        return f"docker run --detach --name {name} {restart} {network} --env VERSION={version} {IMAGE}"

    def first(host: Host) -> str:
        return "\n".join(["docker network create bench", *(start(name, 1) for name in task.containers[host.name])])

    def change(host: Host) -> str:
        name = task.changed
        if name not in task.containers[host.name]:
            return ":"
        return f"docker stop {name} && docker rm {name} && {start(name, 2)}"

    def remove(host: Host) -> str:
        names = " ".join(task.containers[host.name])
        return f"docker stop {names} && docker rm {names}"

    return {
        State.FIRST: _on_all(task, "cli-first.sh", first),
        State.NOTHING: _on_all(task, "cli-list.sh", lambda host: "docker ps --all"),
        State.CHANGE: _on_all(task, "cli-change.sh", change),
        State.REMOVED: _on_all(task, "cli-remove.sh", remove),
    }


def _on_all(task: Task, file: str, script: Callable[[Host], str]) -> Words:
    """A script that does so many lines for each host, all hosts at once, and fails when one of them does."""
    parts = [
        f'(set -e; export DOCKER_HOST=ssh://{host.user}@{host.address}\n{script(host)}\n) & jobs="$jobs $!"\n'
        for host in task.hosts
    ]
    task.write(file, "".join(parts) + "for job in $jobs; do wait $job || exit 1; done\n")
    return ["sh", file]


def _ansible(task: Task) -> Mapping[State, Words]:
    """As its users write it: a loop over the names; facts are not gathered, connections are kept from run to run."""
    for host in task.hosts:
        _give_requests(task, host)
    hosts = {
        host.name: {"ansible_host": host.address, "ansible_user": host.user, "names": task.containers[host.name]}
        for host in task.hosts
    }
    everywhere = {"ansible_python_interpreter": "/usr/bin/python3", "changed": ""}
    task.write("ansible.yml", {"all": {"hosts": hosts, "vars": everywhere}})
    network = {"community.docker.docker_network": {"name": "bench"}}
    container = {
        "name": "{{ item }}",
        "image": IMAGE,
        "pull": "never",
        "restart_policy": "unless-stopped",
        "networks": [{"name": "bench"}],
        "env": {"VERSION": "{{ '2' if item == changed else '1' }}"},
    }
    gone = {"name": "{{ item }}", "state": "absent"}
    first = _playbook(task, "first.yml", network, _looped(container))
    removed = _playbook(task, "removed.yml", _looped(gone))
    return {
        State.FIRST: first,
        State.NOTHING: first,
        State.CHANGE: [*first, "-e", f"changed={task.changed}"],
        State.REMOVED: removed,
    }


def _looped(container: Mapping[str, object]) -> dict[str, object]:
    return {"community.docker.docker_container": container, "loop": "{{ names }}"}


def _playbook(task: Task, file: str, *tasks: object) -> list[str]:
    task.write(file, [{"hosts": "all", "gather_facts": False, "tasks": tasks}])
    return [str(TOOLS / "ansible-playbook"), "-i", "ansible.yml", file]


def _give_requests(task: Task, host: Host) -> None:
    """What its modules want on the hosts, where the user's own packages lie."""
    packages = next(TOOLS.parent.glob("lib/python3*/site-packages"))
    found = ["requests", "urllib3", "idna", "certifi", "charset_normalizer"]
    archive = subprocess.run(["tar", "c", "-C", packages, *found], stdout=subprocess.PIPE, check=True).stdout
    there = "$(/usr/bin/python3 -m site --user-site)"
    unpack = f"mkdir -p {there} && tar x -C {there}"
    subprocess.run([*task.lab.ssh_words(host), unpack], input=archive, check=True)
