"""Two processes that make one network at the same moment are left with one."""

import threading
from contextlib import ExitStack

import pytest

from ozwald.remote.engine import Engine
from ozwald.remote.fleet import Fleet
from tests.lab import Lab
from tests.remote.reach import host_of, inventory_of, options_of

pytestmark = pytest.mark.lab

AT_ONCE = 4


def test_one_network_is_left(clean_hosts: Lab) -> None:
    with ExitStack() as stack:
        fleets = [
            stack.enter_context(Fleet(inventory_of(clean_hosts), options=options_of(clean_hosts)))
            for _ in range(AT_ONCE)
        ]
        engines = [fleet.connection(host_of(clean_hosts, "box1")).engine() for fleet in fleets]
        for number in range(10):
            make_at_once(engines, f"oznet--t--{number}")

        names = [network.name for network in engines[0].networks() if network.name.startswith("oznet--t--")]

    assert sorted(names) == [f"oznet--t--{number}" for number in range(10)]


def make_at_once(engines: list[Engine], name: str) -> None:
    """Each engine in a thread of its own, let go together."""
    ready = threading.Barrier(len(engines))

    def make(engine: Engine) -> None:
        ready.wait()
        engine.ensure_network(name)

    threads = [threading.Thread(target=make, args=(engine,)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
