"""Hosts whose tools, or which themselves, answer a probe with anything but facts."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ozwald.errors import ConnectionFailed
from ozwald.model.resources import HostResources
from ozwald.remote.fleet import Fleet, HostResults
from ozwald.remote.probe import OUTPUT_BYTES, probe
from tests.lab import HostOptions, Lab
from tests.remote.reach import inventory_of, options_of

pytestmark = pytest.mark.lab

FOLDER = "/opt/rocm/bin"
TOOL_S = 2
XML = '<?xml version="1.0"?><nvidia_smi_log><gpu><uuid>GPU-1</uuid><processes>'
PROCESS = "<process_info><pid>%d</pid><process_name>x</process_name><used_memory>5 MiB</used_memory></process_info>"
MILLION = f"awk 'BEGIN {{ for (i = 1; i < 1e6; i++) printf(\"{PROCESS}\", i) }}'"
TOOLS = {
    "prints without end": "yes 'nonsense and more nonsense'",
    "prints without end, in one line": "cat /dev/zero | tr '\\0' a",
    "prints bytes that are no text": "cat /dev/urandom",
    "prints a million processes": f"printf '%s' '{XML}'; {MILLION}",
    "prints commands to a terminal": "printf '\\033]0;owned\\007\\033[2J\\n'; exit 1",
    "prints nothing, for ever": "sleep 1000",
    "ignores the signal to end": "trap '' TERM; while :; do sleep 1; done",
    "ends at once": "exit 3",
}


@pytest.fixture(scope="module")
def hosts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A good host, one whose tools are bad, and two that answer every command in a way of their own."""
    options = {
        "good": HostOptions(docker=False),
        "tools": HostOptions(docker=False),
        "flood": HostOptions(docker=False, sshd=("ForceCommand yes",)),
        "liar": HostOptions(docker=False, sshd=("ForceCommand head -c 3000000 /dev/urandom",)),
    }
    with Lab.start(tmp_path_factory.mktemp("hostile") / "lab", options) as running:
        running.hosts["tools"].shell(f"mkdir -p {FOLDER}", check=True)
        yield running


def seen(lab: Lab, *names: str) -> tuple[HostResults[HostResources], dict[str, float]]:
    """Probes of these hosts at once, and how long each took."""
    taken: dict[str, float] = {}

    def timed(connection):  # type: ignore[no-untyped-def]
        began = time.monotonic()
        try:
            return probe(connection, tool_s=TOOL_S)
        finally:
            taken[connection.host.name] = time.monotonic() - began

    inventory = inventory_of(lab)
    with Fleet(inventory, options=options_of(lab)) as fleet:
        return fleet.map([inventory[name] for name in names], timed), taken


def install(lab: Lab, tool: str, script: str) -> None:
    path = Path(FOLDER) / tool
    lab.hosts["tools"].shell(f"cat > {path} <<'EOT'\n#!/bin/sh\n{script}\nEOT\nchmod +x {path}", check=True)


@pytest.mark.parametrize("script", TOOLS.values(), ids=TOOLS.keys())
def test_a_tool_costs_its_own_time_and_facts_and_nothing_else(hosts: Lab, script: str) -> None:
    for tool in ("nvidia-smi", "rocm-smi"):
        install(hosts, tool, script)

    results, taken = seen(hosts, "good", "tools")

    found = results.values["tools"]
    assert taken["tools"] < TOOL_S + 3
    assert taken["good"] < TOOL_S
    assert found.kernel
    assert found.memory_available_bytes
    assert found.disk_total_bytes
    assert "nvidia-smi: " in found.missing["gpus"]
    assert "rocm-smi: " in found.missing["gpus"]
    assert len(found.missing["gpus"]) < 1000
    assert found.missing["gpus"].isprintable()
    assert [(gpu.id, len(gpu.holders)) for gpu in found.gpus] in ([], [("GPU-1", 512)])


def test_a_host_that_floods_is_cut_off_and_the_others_do_not_notice(hosts: Lab) -> None:
    results, taken = seen(hosts, "good", "flood", "liar")

    assert set(results.values) == {"good"}
    assert all(isinstance(error, ConnectionFailed) for error in results.failures.values())
    assert f"longer than {OUTPUT_BYTES >> 20} MiB" in results.failures["flood"].message
    assert results.failures["liar"].message.isprintable()
    assert max(taken.values()) < 5
    assert taken["good"] < 2


def test_no_process_of_a_probe_stays_on_the_host(hosts: Lab) -> None:
    install(hosts, "nvidia-smi", TOOLS["prints nothing, for ever"])
    install(hosts, "rocm-smi", TOOLS["prints without end"])

    seen(hosts, "tools")

    time.sleep(0.3)
    left = hosts.hosts["tools"].shell("pgrep -fa '[s]leep 1000|[n]onsense|[-]smi'", check=False).stdout
    assert left == ""
