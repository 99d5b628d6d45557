"""What the engine says of a container is what planning wrote down for it: the whole Compose corpus, made for real."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ozwald.errors import EngineError
from ozwald.model.container import ContainerDetails
from ozwald.model.realm import Network
from ozwald.model.service import ServiceSpec
from ozwald.planning.changes import changes
from ozwald.planning.settled import settled
from ozwald.remote.container_config import container_config
from ozwald.remote.engine import Engine, Limits
from ozwald.remote.fleet import Fleet
from tests.config.compose import accepted_files, prepared, resolved_by_ozwald
from tests.lab import Lab
from tests.lab.images import busybox_image
from tests.remote.reach import host_of, inventory_of, options_of

RICH = "lab/rich:1"

pytestmark = pytest.mark.lab


@pytest.fixture
def engine(clean_hosts: Lab, tmp_path: Path) -> Iterator[Engine]:
    """An engine with an image that has something of everything an image can have."""
    archive = busybox_image(
        tmp_path,
        RICH,
        entrypoint=("/bin/env",),
        environment={"A": "from the image", "EMPTY": ""},
        labels={"maker": "lab"},
        ports=("8080/tcp",),
    )
    clean_hosts.hosts["box1"].load_image(archive)
    with Fleet(inventory_of(clean_hosts), options=options_of(clean_hosts)) as fleet:
        yield fleet.connection(host_of(clean_hosts, "box1")).engine()


def made(engine: Engine, spec: ServiceSpec) -> ContainerDetails | None:
    """The details of a new container of `spec`, or None where this engine refuses it."""
    networks = [(network.name_on_host(spec.realm), (spec.instance,)) for network in networks_of(spec)]
    for name, _ in networks:
        engine.ensure_network(name)
    aliases = [(name, (spec.instance, *one.aliases)) for (name, _), one in zip(networks, spec.networks, strict=True)]
    labels = {"ozwald.service": spec.service}
    try:
        container_id = engine.create(f"t-{spec.service}", container_config(spec, labels=labels, networks=aliases[:1]))
    except EngineError:
        return None
    for name, own in aliases[1:]:
        engine.connect(name, container_id, own)
    [details] = engine.details([container_id])
    engine.remove(container_id, force=True)
    return details


def networks_of(spec: ServiceSpec) -> tuple[Network, ...]:
    return tuple(Network(key=attachment.network) for attachment in spec.networks)


def test_every_container_of_the_corpus_is_found_as_it_was_asked_for(engine: Engine, tmp_path: Path) -> None:
    folder = prepared(tmp_path / "compose")
    specs = [
        replace(spec, image=RICH, environment=dict(spec.environment))
        for file in accepted_files()
        for spec in resolved_by_ozwald(file.read_text(), folder).values()
    ]
    found = {f"{spec.service} {spec.variety or ''}": (spec, made(engine, spec)) for spec in specs}
    differing = {
        name: [(change.path, change.old, change.new) for change in changes(settled(spec, networks_of(spec)), details)]
        for name, (spec, details) in found.items()
        if details is not None
    }

    refused = [name for name, (_, details) in found.items() if details is None]
    assert len(refused) < len(found) / 10, refused
    assert {name: paths for name, paths in differing.items() if paths} == {}


def test_limits_are_changed_on_a_container_that_runs(engine: Engine) -> None:
    container_id = engine.create(
        "limited", {"Image": RICH, "Entrypoint": ["sleep", "300"], "HostConfig": {"Memory": 64 << 20}}
    )
    engine.start(container_id)

    engine.update(container_id, Limits(restart="on-failure:3", mem_limit=256 << 20, cpus=0.5))

    [details] = engine.details([container_id])
    state = engine.state(container_id)
    assert details is not None
    assert state is not None
    assert {key: details.settings[key] for key in ("restart", "mem_limit", "cpus")} == {
        "restart": "on-failure:3",
        "mem_limit": 256 << 20,
        "cpus": 0.5,
    }
    assert state.restart_count == 0
