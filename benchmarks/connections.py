"""What one connection costs: round trips to the first answer, memory, waking up, closing; beside bare paramiko."""

import gc
import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import paramiko

from ozwald.model.host import Host
from ozwald.remote.connection import HostConnection
from ozwald.remote.fleet import Fleet
from ozwald.remote.ssh_config import SshOptions
from tests.lab import HostOptions, Lab
from tests.lab.host import Host as Box

ROUND_TRIP_S = 0.03
ROUNDS = 12
IDLE = 100
WATCHED_S = 5.0
MOST_ROUND_TRIPS = 12
MOST_KIB = 100

FIRST_ANSWERS: dict[str, Callable[[HostConnection], object]] = {
    "a command": lambda connection: connection.run(["true"], timeout_s=5),
    "a container list": lambda connection: connection.engine().list_containers(),
}
HOSTS = {
    "box": HostOptions(),
    "cli": HostOptions(sshd=("AllowStreamLocalForwarding no",)),
}


def run(folder: Path) -> None:
    """Starts a lab and measures on it; each count of memory is a process of its own."""
    with Lab.start(folder / "fleet", HOSTS) as lab:
        print(f"\nround trips of {ROUND_TRIP_S * 1000:.0f} ms to the first answer (at most {MOST_ROUND_TRIPS} wanted)")
        for name in ("box", "cli"):
            how = "through the docker command" if name == "cli" else "over sshd's forwarding"
            for what, ask in FIRST_ANSWERS.items():
                print(f"  {what:<20} {how:<28} {round_trips(lab, lab.hosts[name], ask):6.1f}")
        print(f"\n{IDLE} idle connections (at most {MOST_KIB} KiB each beyond bare paramiko wanted)")
        for kind in ("bare paramiko", "ozwald", "ozwald after a command", "ozwald with its engine"):
            words = [sys.executable, "-m", "benchmarks.connections", str(lab.directory), kind]
            print(f"  {kind:<26} {subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()}")


def round_trips(lab: Lab, box: Box, ask: Callable[[HostConnection], object]) -> float:
    """Those that latency shows, and the one of TCP, which the proxy answers itself."""
    with lab.proxy(box) as near, lab.proxy(box, latency_s=ROUND_TRIP_S / 2) as far:
        taken: dict[int, list[float]] = {near.port: [], far.port: []}
        for _ in range(ROUNDS):
            for port, seconds in taken.items():
                seconds.append(first_answer_s(lab, box, port, ask))
    return (min(taken[far.port]) - min(taken[near.port])) / ROUND_TRIP_S + 1


def first_answer_s(lab: Lab, box: Box, port: int, ask: Callable[[HostConnection], object]) -> float:
    known = lab.directory / "known_proxy"
    known.write_text(f"[127.0.0.1]:{port} {box.host_key}\n")
    host = Host(name=box.name, address="127.0.0.1", port=port, user=box.user, identity_file=str(lab.identity_file))
    with Fleet({}, options=options(known)) as fleet:
        began = time.perf_counter()
        ask(fleet.connection(host))
        return time.perf_counter() - began


def options(known: Path) -> SshOptions:
    return SshOptions(config_file="/dev/null", known_hosts=(str(known),), use_agent=False)


def report(directory: Path, kind: str) -> None:
    """Prints what a hundred connections of a kind cost this process."""
    lab = Lab.attach(directory)
    box = lab.hosts["box"]
    if kind == "bare paramiko":
        opened: list[paramiko.Transport] = []
        made = Measured(lambda number: opened.append(bare(lab, box)))
        watched = busy_share()
        closing = timed(lambda: deque(map(paramiko.Transport.close, opened)))
    else:
        fleet = Fleet({}, options=options(lab.known_hosts))
        made = Measured(lambda number: use(fleet, lab, box, number, kind))
        watched = busy_share()
        closing = timed(fleet.close)
    time.sleep(0.2)
    print(
        f"{made.kib_each:6.1f} KiB each, {watched:5.2f}% of a core to stay open, "
        f"closed in {closing * 1000:4.0f} ms, {threading.active_count() - 1} threads left, "
        f"{len(os.listdir('/proc/self/fd')) - made.descriptors} descriptors left"
    )


class Measured:
    """Makes connections one by one, a few of them first to warm up, and what each one took of memory."""

    def __init__(self, make: Callable[[int], object]) -> None:
        self.descriptors = len(os.listdir("/proc/self/fd"))
        for number in range(3):
            make(-number - 1)
        before = resident_kib()
        for number in range(IDLE):
            make(number)
        self.kib_each = (resident_kib() - before) / IDLE


def bare(lab: Lab, box: Box) -> paramiko.Transport:
    transport = paramiko.Transport(socket.create_connection((box.address, box.port)))
    key = paramiko.Ed25519Key.from_private_key_file(str(lab.identity_file))
    transport.connect(username=box.user, pkey=key)
    return transport


def use(fleet: Fleet, lab: Lab, box: Box, number: int, kind: str) -> None:
    host = Host(name=f"n{number}", address=box.address, user=box.user, identity_file=str(lab.identity_file))
    connection = fleet.connection(host)
    if "command" in kind:
        connection.run(["true"], timeout_s=5)
    if "engine" in kind:
        connection.engine().ping()


def resident_kib() -> int:
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() // 1024


def busy_share() -> float:
    """Percent of a core that this process takes while nothing is asked of it."""
    began = time.process_time()
    time.sleep(WATCHED_S)
    return (time.process_time() - began) / WATCHED_S * 100


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    report(Path(sys.argv[1]), sys.argv[2])
