"""A hundred addresses: a trivial command and a full probe, beside the tools one would use instead.

One sshd plays all hosts, so what is compared is the controller's side. Nobody is asked to write anything.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers import Peers
from benchmarks.timing import in_turns, show
from tests.lab import HostOptions, Lab
from tests.lab.host import Host
from tests.lab.network import run as system
from tests.lab.proxy import Proxy

MANY, SOME = 100, 20
ROUNDS = 5
LATENCY_S = 0.030  # there and back
SSHD = ("MaxStartups 200:30:400", "MaxSessions 100")


def run(folder: Path) -> None:
    """Starts the host and measures, without latency and with."""
    with Lab.start(folder / "fleet", {"many": HostOptions(sshd=SSHD)}) as lab:
        host = lab.hosts["many"]
        measure(_peers(folder / "near", lab, host, addresses_of(host), host.port), "no latency")
        far = [f"127.9.0.{number}" for number in range(1, MANY + 1)]
        with Proxy((host.address, host.port), latency_s=LATENCY_S / 2, addresses=far) as slow:
            measure(_peers(folder / "far", lab, host, far, slow.port), f"{LATENCY_S * 1000:.0f} ms of latency")


def addresses_of(host: Host) -> list[str]:
    """Gives the host a hundred addresses more; they go when it goes."""
    addresses = [f"10.231.0.{number}" for number in range(1, MANY + 1)]
    host.shell("".join(f"ip addr add {address}/32 dev eth0\n" for address in addresses), check=True)
    system(["ip", "route", "add", "10.231.0.0/24", "via", host.address])
    return addresses


def _peers(folder: Path, lab: Lab, host: Host, addresses: Sequence[str], port: int) -> Peers:
    folder.mkdir()
    return Peers(
        folder=folder,
        addresses=tuple(addresses),
        port=port,
        user=host.user,
        identity_file=lab.identity_file,
        host_key=host.host_key,
        environment=dict(os.environ),
    )


def measure(peers: Peers, latency: str) -> None:
    """Prints the three comparisons."""
    show(f"{MANY} hosts, one command, whole process, {latency}", in_turns(peers.cold(), rounds=ROUNDS))
    show(f"{MANY} hosts, one command, connections open, {latency}", in_turns(peers.warm(), rounds=ROUNDS))
    show(f"{SOME} hosts, full probe, whole process, {latency}", in_turns(peers.probing(SOME), rounds=ROUNDS))
