"""The floor: one process that makes the calls a state takes on the engines' own sockets, all containers at once.

Prints the seconds that it took once the Docker SDK was imported. Its arguments are a file and the state.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import docker

IMAGE = "lab/busybox:1"
NETWORK = "bench"
SETTLE_S = 3.0

began = time.perf_counter()


def first(client: docker.APIClient, names: list[str], changed: str) -> None:
    client.inspect_image(IMAGE)  # type: ignore[no-untyped-call]
    client.create_network(NETWORK, check_duplicate=True)
    together(lambda name: start(client, name, 1), names)


def look(client: docker.APIClient, names: list[str], changed: str) -> None:
    client.containers(all=True)


def change(client: docker.APIClient, names: list[str], changed: str) -> None:
    look(client, names, changed)
    if changed in names:
        client.inspect_image(IMAGE)  # type: ignore[no-untyped-call]
        remove(client, changed)
        start(client, changed, 2)


def removed(client: docker.APIClient, names: list[str], changed: str) -> None:
    look(client, names, changed)
    together(lambda name: remove(client, name), names)


def start(client: docker.APIClient, name: str, version: int) -> None:
    """Creates, starts, and looks once more after the time that Ozwald has a container run for."""
    host = {"NetworkMode": NETWORK, "RestartPolicy": {"Name": "unless-stopped"}}
    config = {"Image": IMAGE, "Env": [f"VERSION={version}"], "HostConfig": host}
    container = client.create_container_from_config(config, name)["Id"]  # type: ignore[no-untyped-call]
    client.start(container)
    time.sleep(SETTLE_S)
    if not client.inspect_container(container)["State"]["Running"]:
        raise SystemExit(f"{name} has ended")


def remove(client: docker.APIClient, name: str) -> None:
    client.stop(name, timeout=10)
    client.remove_container(name)


def together(work: Callable[..., object], *columns: Any) -> None:
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(work, *columns))


STATES = {"first time": first, "nothing to do": look, "one change": change, "all removed": removed}

file, state = sys.argv[1:]
task = json.loads(Path(file).read_text())
clients = [docker.APIClient(f"unix://{task['sockets'][host]}", version="1.41") for host in task["containers"]]
names = task["containers"].values()
together(lambda client, wanted: STATES[state](client, wanted, task["changed"]), clients, names)
print(time.perf_counter() - began)
