"""A provisioner that has nothing to do: the processor time and memory it takes with three hosts and with a hundred."""

import time
from collections.abc import Sequence
from pathlib import Path

import psutil

from benchmarks.hundred_hosts import SSHD, addresses_of
from tests.end_to_end.controlled import Controlled
from tests.end_to_end.user import User
from tests.lab import HostOptions, Lab
from tests.lab.standard import STANDARD, load_image
from tests.waiting import eventually

HOSTS = ("gpu1", "box1", "box2")
SETTLE_S = 15.0
MEASURED_S = 60.0
SERVICE = {"image": "lab/busybox:1", "pull_policy": "never"}
MIB = 1 << 20


def run(folder: Path) -> None:
    """Starts three hosts with a service each, then one that plays a hundred."""
    with Lab.start(folder / "fleet", {name: STANDARD[name] for name in HOSTS}) as lab:
        load_image(lab)
        user = User(folder / "three", lab)
        user.has({"idle": SERVICE}, hosts=list(HOSTS))
        measure("a service on each of 3 hosts", Controlled(user, lab, HOSTS), HOSTS)
    with Lab.start(folder / "many", {"many": HostOptions(sshd=SSHD)}) as lab:
        user = User(folder / "hundred", lab)
        user.has({"idle": SERVICE}, hosts=["many"])
        user.has_hosts(_hundred(lab, user))
        # One machine plays all of them, so nothing can be wanted there.
        measure("nothing wanted on 100 hosts", Controlled(user, lab, ["many"]), ())


def measure(title: str, world: Controlled, hosts: Sequence[str]) -> None:
    """Prints what the process and its Redis take once all is as asked."""
    world.starts()
    try:
        for number, host in enumerate(hosts):
            services = [{"name": f"s{n}", "service": "idle", "host": one} for n, one in enumerate(hosts[: number + 1])]
            assert world.wants(*services), host
        if hosts and not eventually(lambda: set(world.statuses().values()) == {"available"}, 60):
            raise SystemExit(f"benchmarks: services are not available: {world.services()}")
        time.sleep(SETTLE_S)
        answering = len(world.ask("GET", "/srv/host/resources")[1])
        _show(f"{title}, {answering} answer", world.pid)
    finally:
        world.stops()


def _show(title: str, pid: int) -> None:
    controller = psutil.Process(pid)
    processes = {"controller": controller} | {one.name(): one for one in controller.children(recursive=True)}
    before = {name: one.cpu_times() for name, one in processes.items()}
    time.sleep(MEASURED_S)
    print(f"\nidle for {MEASURED_S:.0f} s, {title}")
    for name, one in processes.items():
        now = one.cpu_times()
        spent_s = now.user + now.system - before[name].user - before[name].system
        share = 100 * spent_s / MEASURED_S
        print(f"  {name:<20} {share:6.2f} % of a core, {one.memory_info().rss / MIB:6.1f} MiB resident", flush=True)


def _hundred(lab: Lab, user: User) -> list[dict[str, object]]:
    many = lab.hosts["many"]
    addresses = addresses_of(many)
    names = ",".join((many.address, *addresses))
    user.known_hosts.write_text(f"{names} {many.host_key}\n")
    return [
        {**user.hosts["many"], "name": f"h{number}", "address": address}
        for number, address in enumerate(addresses, start=1)
    ]
