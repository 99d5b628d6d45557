"""A sampler at its usual pace: what it takes on the host for ten services, and on the controller over an hour."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from ozwald.model.host import Connection, Host
from ozwald.remote.connection import HostConnection
from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from ozwald.remote.local import LocalConnection
from ozwald.remote.sampler import HostSampler, open_sampler
from tests.lab import Lab
from tests.lab.standard import IMAGE, STANDARD, load_image
from tests.remote.reach import host_of, inventory_of, options_of

SERVICES = 10
MEASURED_S = 60.0
HOUR = 36_000
FAST_HZ = 1000.0
MIB = 1 << 20
# Ten services at rest, as most are most of the time, and ten that take memory, cache and processor time all the time.
AT_REST = "sleep 3600"
BUSY = "while :; do dd if=/dev/zero of=/f bs=1M count=5; cat /f >/dev/null; usleep 500000; done"


def run(folder: Path) -> None:
    """Measures on one host without cards and one with, then for the controller on this machine."""
    with Lab.start(folder / "fleet", {name: STANDARD[name] for name in ("box1", "gpu1")}) as lab:
        load_image(lab)
        with Fleet(inventory_of(lab), options=options_of(lab)) as fleet:
            for name in ("box1", "gpu1"):
                connection = fleet.connection(host_of(lab, name))
                _on_host(f"{name}, {SERVICES} services at rest", connection, AT_REST)
                _on_host(f"{name}, {SERVICES} busy services", connection, BUSY)
    _on_controller()


def _on_host(title: str, connection: HostConnection, command: str) -> None:
    with _services(connection.engine(), command) as pids, open_sampler(connection) as sampler:
        for container_id, pid in pids.items():
            sampler.watch(container_id, pid)
        _read(sampler, 2.0)
        script = _script_of(sampler)
        before, begun = _spent_s(script), time.monotonic()
        count = _read(sampler, MEASURED_S)
        wall_s = time.monotonic() - begun
        share = 100 * (_spent_s(script) - before) / wall_s
    print(f"\nsampler for {wall_s:.0f} s, {title}")
    print(f"  {count / wall_s:.1f} samples a second, {share:.2f} % of a core on the host", flush=True)


def _on_controller() -> None:
    """An hour's worth of samples, read faster than they ever come."""
    here = LocalConnection(Host(name="here", address="127.0.0.1", connection=Connection.LOCAL))
    with open_sampler(here, rate_hz=FAST_HZ) as sampler:
        for number in range(SERVICES):
            sampler.watch(f"{number:064x}", os.getpid())
        for _ in range(HOUR // 10):
            sampler.read()
        early = psutil.Process().memory_info().rss
        for _ in range(HOUR):
            sampler.read()
        grown = psutil.Process().memory_info().rss - early
    print(f"\ncontroller, {HOUR} more samples of {SERVICES} services")
    print(f"  memory grew by {grown / MIB:.1f} MiB from {early / MIB:.1f} MiB", flush=True)


@contextmanager
def _services(engine: Engine, command: str) -> Iterator[dict[str, int]]:
    made = [
        engine.create(f"service{number}", {"Image": IMAGE, "Cmd": ["sh", "-c", command]}) for number in range(SERVICES)
    ]
    try:
        for container_id in made:
            engine.start(container_id)
        states = {container_id: engine.state(container_id) for container_id in made}
        yield {container_id: state.pid for container_id, state in states.items() if state and state.pid}
    finally:
        for container_id in made:
            engine.remove(container_id, force=True)


def _read(sampler: HostSampler, for_s: float) -> int:
    count, until = 0, time.monotonic() + for_s
    while time.monotonic() < until:
        sampler.read()
        count += 1
    return count


def _script_of(sampler: HostSampler) -> psutil.Process:
    """The script's shell, which this machine sees since the lab's hosts are on it."""
    found = [one for one in psutil.process_iter(["cmdline"]) if sampler.mark in (one.info["cmdline"] or ())[2:3]]
    return min(found, key=lambda one: one.pid)


def _spent_s(script: psutil.Process) -> float:
    """Of the script and of all that it starts, those that have ended as well."""
    times = [one.cpu_times() for one in (script, *script.children(recursive=True))]
    return sum(one.user + one.system + one.children_user + one.children_system for one in times)
