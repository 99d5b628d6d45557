"""What the API says of a host can be read back whole."""

import json

from ozwald.model.resource_document import read_resources, resource_document
from ozwald.model.resources import DockerFacts, Gpu, Hardware, Holder, HostResources, Listener, MigDevice

FULL = HostResources(
    host="gpu1",
    observed_at=1000.5,
    cpu_count=8,
    docker=DockerFacts(version="26.1", runtimes=("runc", "nvidia"), missing={"live_restore": "not said"}),
    gpus=(
        Gpu(
            hardware=Hardware.NVIDIA,
            index=0,
            id="GPU-1",
            name="Tesla T4",
            mig=MigDevice(parent_id="GPU-0", index=1),
            holders=(Holder(pid=7, vram_bytes=5, missing={"user": "gone"}),),
        ),
    ),
    listeners=(Listener(protocol="tcp", address="::", port=80),),
    missing={"kernel": "why"},
)


def test_every_fact_survives_the_way_through_json() -> None:
    assert read_resources(json.loads(json.dumps(resource_document(FULL, now=1001.0)))) == FULL


def test_a_fact_that_this_version_does_not_know_is_left_out() -> None:
    assert read_resources({**resource_document(FULL, now=1001.0), "phase_of_moon": "full"}) == FULL
