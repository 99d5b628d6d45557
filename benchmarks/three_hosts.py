"""Three hosts: the help, an apply that changes nothing, a container list."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.timing import Contender, in_turns, process, show, timed
from ozwald.model.host import Host
from ozwald.remote.fleet import Fleet
from ozwald.remote.ssh_config import SshOptions
from tests.lab import Lab
from tests.lab.standard import STANDARD, load_image

HOSTS = ("gpu1", "box1", "box2")
ROUNDS = 9


def run(folder: Path) -> None:
    """Starts a lab of three hosts and measures on it."""
    hosts = {name: STANDARD[name] for name in HOSTS}
    with Lab.start(folder / "fleet", hosts) as lab:
        load_image(lab)
        measure(folder, lab)


def measure(folder: Path, lab: Lab) -> None:
    ozwald = settle(folder, lab)
    show(
        "the help, whole process",
        in_turns({"ozwald --help": ozwald("--help"), "python -c pass": python("pass")}, rounds=ROUNDS),
    )
    wanted = ("a[idle]@gpu1", "b[idle]@box1", "c[idle]@box2")
    ozwald("apply", *wanted)()
    contenders = {
        "ozwald apply, nothing to do": ozwald("apply", *wanted),
        "ssh HOST docker ps, three at once": timed(
            lambda: ssh_all(lab, "curl -s --unix-socket /run/docker.sock http://d/containers/json")
        ),
    }
    show("three hosts, nothing to change, whole process", in_turns(contenders, rounds=ROUNDS))
    warm_lists(folder, lab)


def warm_lists(folder: Path, lab: Lab) -> None:
    """One container list on a connection that is open, beside the same on the engine's own socket."""
    box = lab.hosts["box1"]
    host = Host(name="box1", address=box.address, user=box.user, identity_file=str(lab.identity_file))
    with Fleet({"box1": host}, options=SshOptions(config_file=str(folder / "ssh_config"))) as fleet:
        engine = fleet.connection(host).engine()
        contenders = {
            "over SSH, warm": timed(engine.list_containers),
            "on the engine's own socket, a call each": timed(lambda: box.engine.call("GET", "/containers/json?all=1")),
        }
        show("a container list", in_turns(contenders, rounds=200))


def settle(folder: Path, lab: Lab) -> Callable[..., Contender]:
    """Writes a user's files and returns a maker of `ozwald` calls."""
    service = {"name": "idle", "image": "lab/busybox:1", "pull_policy": "never"}
    (folder / "settings.yml").write_text(json.dumps({"realms": {"default": {"service-definitions": [service]}}}))
    (folder / "inventory").mkdir()
    lab.write_inventory(folder / "inventory" / "hosts.yml")
    (folder / "ssh_config").write_text(f"UserKnownHostsFile {lab.known_hosts}\n")
    environment = os.environ | {
        "OZWALD_HOME": str(folder / "state"),
        "OZWALD_SSH_CONFIG": str(folder / "ssh_config"),
    }

    def ozwald(*words: str) -> Contender:
        command = [str(Path(sys.executable).with_name("ozwald")), *words]
        return process(command, cwd=folder, environment=environment)

    return ozwald


def python(text: str) -> Contender:
    return process([sys.executable, "-c", text], cwd=Path.cwd(), environment=os.environ)


def ssh_all(lab: Lab, command: str) -> None:
    """The same command on all hosts at once by the machine's own ssh."""
    running = [
        subprocess.Popen([*lab.ssh_words(lab.hosts[name]), command], stdout=subprocess.DEVNULL) for name in HOSTS
    ]
    if any(process.wait() for process in running):
        raise SystemExit("benchmarks: ssh failed")
