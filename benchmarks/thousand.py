"""A thousand containers on one host: what the parts of a plan take, and the whole of it.

The containers carry Ozwald's labels and are made but not started, which a plan tells as a thousand starts: what
a thousand running ones would add is the machine's affair. Every second one publishes a port of its own.
"""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.timing import in_turns, process, show, timed
from ozwald.config.load import load
from ozwald.config.requests import read_requests
from ozwald.execution.intent import Intent, intend
from ozwald.execution.labels import Ownership, labels_of
from ozwald.execution.observe import observe
from ozwald.model.container import container_name, network_name
from ozwald.model.plan import Operation
from ozwald.model.settings import Settings
from ozwald.planning.asking import Exactly
from ozwald.planning.names import parse_instance
from ozwald.planning.planner import make_plan
from ozwald.remote.container_config import container_config
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from ozwald.remote.ssh_config import SshOptions
from ozwald.state.home import DataFolder
from tests.lab import HostOptions, Lab
from tests.lab.standard import load_image

HOSTS = {"box": HostOptions()}
COUNT = 1000
ROUNDS = 9
NETWORK = network_name("default", "default")


def run(folder: Path) -> None:
    """Starts a lab of one host, fills it and measures."""
    with Lab.start(folder / "fleet", HOSTS) as lab:
        load_image(lab)
        write_files(folder, lab)
        settings = load(None, inventory=None, environ={}, cwd=folder).settings
        with Fleet(settings.inventory.hosts, options=SshOptions(config_file=str(folder / "ssh_config"))) as fleet:
            home = DataFolder(folder / "state")
            with home.changing(HOSTS):
                fill(fleet.connection(settings.inventory.hosts["box"]).engine(), planned(settings, fleet, home), home)
            measure(folder, lab, settings, fleet, home)


def write_files(folder: Path, lab: Lab) -> None:
    """A user's settings, inventory and list of a thousand instances."""
    service = {"name": "idle", "image": "lab/busybox:1", "pull_policy": "never", "environment": {"VERSION": "1"}}
    profiles = {f"p{number}": {"ports": [f"{20000 + number}:80"]} for number in range(0, COUNT, 2)}
    definitions = [service | {"profiles": profiles}]
    (folder / "settings.yml").write_text(json.dumps({"realms": {"default": {"service-definitions": definitions}}}))
    (folder / "inventory").mkdir()
    lab.write_inventory(folder / "inventory" / "hosts.yml")
    (folder / "ssh_config").write_text(f"UserKnownHostsFile {lab.known_hosts}\n")
    wanted = [f"c{number}[idle]" + ("" if number % 2 else f"[][p{number}]") for number in range(COUNT)]
    (folder / "wanted.json").write_text(json.dumps(wanted))


def planned(settings: Settings, fleet: Fleet, home: DataFolder) -> Intent:
    specs = read_requests(home.path.parent / "wanted.json")
    ask = Exactly(requests=tuple(parse_instance(str(spec), settings.realms) for spec in specs))
    return intend(ask, settings=settings, hosts=settings.inventory.hosts, fleet=fleet, home=home, provisioner="local")


def fill(engine: Engine, intent: Intent, home: DataFolder) -> None:
    """Makes what the plan would start."""
    ownership = Ownership(provisioner="local", controller=home.controller_id(), generation=1, owner="benchmark")
    engine.ensure_network(NETWORK, {})

    def make(operation: Operation) -> None:
        assert operation.placement is not None
        config = container_config(
            operation.placement.spec,
            labels=labels_of(operation, operation.placement, ownership),
            networks=[(NETWORK, (operation.key.name,))],
        )
        engine.create(container_name(operation.key.realm, operation.key.name), config)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(make, intent.plan.operations))


def measure(folder: Path, lab: Lab, settings: Settings, fleet: Fleet, home: DataFolder) -> None:
    """Prints what the parts take on an open connection, and two whole processes."""
    hosts, key = settings.inventory.hosts, home.fingerprint_key()
    engine = fleet.connection(hosts["box"]).engine()
    situation = observe(fleet, settings.inventory, hosts, controller=home.controller_id())
    wanted = planned(settings, fleet, home).wanted
    parts = {
        "the whole plan, warm": timed(lambda: planned(settings, fleet, home)),
        "  hardware and containers": timed(lambda: observe(fleet, settings.inventory, hosts, controller="c0ffee")),
        "  the list alone, over SSH": timed(engine.list_containers),
        "  the difference": timed(lambda: make_plan(wanted, settings.realms, situation, key=key)),
        "the list on the engine's own socket": timed(
            lambda: lab.hosts["box"].engine.call("GET", "/containers/json?all=1")
        ),
    }
    show(f"{COUNT} containers on one host", in_turns(parts, rounds=ROUNDS))
    environment = os.environ | {"OZWALD_HOME": str(home.path), "OZWALD_SSH_CONFIG": str(folder / "ssh_config")}
    command = [str(Path(sys.executable).with_name("ozwald"))]
    whole = {
        "ozwald plan": process([*command, "plan", "--file", "wanted.json"], cwd=folder, environment=environment),
        "ozwald list_active_services": process([*command, "list_active_services"], cwd=folder, environment=environment),
        "ozwald validate": process([*command, "validate"], cwd=folder, environment=environment),
    }
    show(f"{COUNT} containers on one host, whole process", in_turns(whole, rounds=ROUNDS))
