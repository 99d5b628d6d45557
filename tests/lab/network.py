"""A lab's wires: a switch in its own network namespace, one veth from there to the machine and to each host.

Only `ozlabN` is in the machine's own namespace; its MAC address, set as it is created, says whose it is.
Neighbours are permanent entries, so a cut link swallows packets instead of answering "no route to host".
"""

import ipaddress
import json
import subprocess
from collections.abc import Iterator, Sequence

from tests.lab.errors import LabError
from tests.lab.processes import Process

ROOT = 1
FIRST_HOST = 11


def device(subnet: int) -> str:
    return f"ozlab{subnet}"


def address(subnet: int, number: int) -> str:
    return f"10.203.{subnet}.{number}"


def mac(key: str, number: int, *, upstream: bool = False) -> str:
    """The address of a host's end of its wire, or of the other end."""
    pairs = [key[index : index + 2] for index in range(0, 8, 2)]
    return ":".join(["06" if upstream else "02", *pairs, f"{number:02x}"])


def free_subnets() -> Iterator[int]:
    """Each N whose 10.203.N.0/24 no route of this machine touches."""
    routes = json.loads(run(["ip", "-json", "-4", "route", "show", "table", "all"]) or "[]")
    known = {route["dst"] for route in routes} - {"default"}
    taken = [ipaddress.ip_network(destination, strict=False) for destination in known]
    for subnet in range(1, 255):
        network = ipaddress.ip_network(f"10.203.{subnet}.0/24")
        if not any(network.overlaps(other) for other in taken):
            yield subnet


def claim(key: str, subnet: int, switch: Process) -> bool:
    """Creates the lab's wire to the machine; False when another lab was faster with this subnet."""
    name = device(subnet)
    peer = ["peer", "name", "root", "netns", str(switch.pid)]
    made = _ip(["link", "add", name, "address", mac(key, ROOT), "type", "veth", *peer])
    if made.returncode and "exists" in made.stderr:
        return False
    _require(made)
    batch([f"addr add {address(subnet, ROOT)}/24 dev {name}", f"link set {name} up"])
    batch(
        ["link set lo up", "link add br0 type bridge", "link set br0 up", "link set root master br0 up"],
        inside=switch,
    )
    return True


def release(key: str, subnet: int) -> None:
    """Removes the lab's wire, if it is there and is this lab's."""
    shown = _ip(["-json", "link", "show", "dev", device(subnet)])
    if shown.returncode == 0 and json.loads(shown.stdout)[0]["address"] == mac(key, ROOT):
        _ip(["link", "del", device(subnet)])


def connect(key: str, subnet: int, number: int, *, host: Process, upstream: Process, jump: int | None) -> None:
    """Wires a host to the switch, or to the host numbered `jump`, in place of an old wire."""
    port = f"p{number}"
    _ip(["link", "del", port], inside=upstream)
    near = f"address {mac(key, number)} netns {host.pid}"
    far = f"address {mac(key, number, upstream=True)} netns {upstream.pid}"
    batch([f"link add eth0 {near} type veth peer name {port} {far}"])
    here = address(subnet, number)
    batch(["link set lo up", f"addr add {here}/24 dev eth0"], inside=host)
    if jump is None:
        batch([f"link set {port} master br0 up"], inside=upstream)
        batch([f"neigh replace {here} lladdr {mac(key, number)} dev {device(subnet)} nud permanent"])
    else:
        lines = [
            f"link set {port} up",
            f"route replace {here}/32 dev {port} src {address(subnet, jump)}",
            f"neigh replace {here} lladdr {mac(key, number)} dev {port} nud permanent",
        ]
        batch(lines, inside=upstream)
    raise_link(key, subnet, number, host=host, jump=jump)


def raise_link(key: str, subnet: int, number: int, *, host: Process, jump: int | None) -> None:
    far = ROOT if jump is None else jump
    lladdr = mac(key, ROOT) if jump is None else mac(key, number, upstream=True)
    neighbour = f"neigh replace {address(subnet, far)} lladdr {lladdr} dev eth0 nud permanent"
    batch(["link set eth0 up", neighbour], inside=host)


def drop_link(host: Process) -> None:
    batch(["link set eth0 down"], inside=host)


def batch(lines: Sequence[str], *, inside: Process | None = None) -> None:
    """Runs these `ip` commands in the machine's network namespace, or in a process's."""
    _require(_ip(["-batch", "-"], inside=inside, stdin="\n".join(lines) + "\n"))


def run(words: Sequence[str]) -> str:
    return _require(subprocess.run(words, capture_output=True, text=True, check=False))


def _ip(words: Sequence[str], *, inside: Process | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
    enter = ["nsenter", "--target", str(inside.pid), "--net"] if inside else []
    return subprocess.run([*enter, "ip", *words], input=stdin, capture_output=True, text=True, check=False)


def _require(done: subprocess.CompletedProcess[str]) -> str:
    if done.returncode:
        raise LabError(f"{' '.join(done.args)}: {done.stderr.strip() or f'exit status {done.returncode}'}")
    return done.stdout
