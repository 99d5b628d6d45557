"""Commands that still run on a host and scripts that were left there are found, without their arguments."""

import threading

import pytest

from ozwald.model.belongings import Belonging, Kind
from ozwald.remote.fleet import Fleet
from ozwald.remote.remnants import parse_remnants, remnants
from ozwald.remote.scripts import script_words
from tests.lab import Lab
from tests.remote.reach import host_of, inventory_of, options_of

PRINTED = """\
process 4711 ann 1000 90000 100 sleep
file ann 1700000000 8 /tmp/ozwald-script.Xy12 with space
process nonsense
process 4712 ann 1000 90000 0 without-ticks
process 4713 ann 1000 1%s 100 before-all-time
file
nothing of ours
""" % ("0" * 400)


def test_processes_have_an_age_and_files_a_size() -> None:
    process, file = parse_remnants(PRINTED, now=1_700_000_100.0)

    assert (process.kind, process.id, process.owner, process.what) == (Kind.PROCESS, "4711", "ann", "command sleep")
    assert process.created_at == 1_700_000_000.0
    assert (file.kind, file.name, file.size_bytes) == (Kind.FILE, "/tmp/ozwald-script.Xy12 with space", 8192)
    assert file.created_at == 1_700_000_000.0


@pytest.mark.lab
def test_a_running_script_is_found_and_gone_when_it_has_ended(clean_hosts: Lab) -> None:
    with Fleet(inventory_of(clean_hosts), options=options_of(clean_hosts)) as fleet:
        connection = fleet.connection(host_of(clean_hosts, "box1"))
        assert remnants(connection) == ()
        script = b"#!/bin/sh\nread -r line </dev/null\nsleep 3\n"
        running = threading.Thread(
            target=lambda: connection.run(script_words(script, ["secret"]), stdin=script, timeout_s=30)
        )
        running.start()
        found: tuple[Belonging, ...] = ()
        while len(found) < 2 and running.is_alive():
            found = remnants(connection)
        running.join()

        assert sorted(one.kind for one in found) == [Kind.FILE, Kind.PROCESS]
        assert "secret" not in str(found)
        assert remnants(connection) == ()
