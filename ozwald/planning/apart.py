"""Keeps what a measuring run makes apart from what services use, so that it can always be removed."""

from collections.abc import Collection
from dataclasses import replace

from ozwald.model.container import measured_name
from ozwald.model.data import Delivery, data_volume
from ozwald.model.plan import Placement
from ozwald.model.realm import Network
from ozwald.model.service import Mount


def kept_apart(placement: Placement, *, run_id: str, networks: Collection[str], volumes: Collection[str]) -> Placement:
    """The placement with what is there used as it is, and what is missing made under names of the run's own.

    `networks` and `volumes` are the names of those that the host has. Under its own name a missing volume could be
    filled by a service that starts meanwhile, and would then be removed with the run.
    """
    spec = placement.spec
    renamed: dict[str | None, str] = {
        mount.source: _own_volume(mount, placement, run_id)
        for mount in spec.volumes
        if mount.type == "volume" and mount.source and mount.source not in volumes
    }
    return replace(
        placement,
        spec=replace(spec, volumes=tuple(_moved(mount, renamed) for mount in spec.volumes)),
        networks=tuple(_own_network(network, spec.realm, run_id, networks) for network in placement.networks),
        deliveries=tuple(_redirected(delivery, renamed) for delivery in placement.deliveries),
    )


def _own_volume(mount: Mount, placement: Placement, run_id: str) -> str:
    spec = placement.spec
    for delivery in placement.deliveries:
        if delivery.volume == mount.source:
            return data_volume(spec.realm, delivery.content.digest, spec.instance)
    return measured_name(spec.realm, mount.source or "", run_id)


def _moved(mount: Mount, renamed: dict[str | None, str]) -> Mount:
    return replace(mount, source=renamed.get(mount.source, mount.source)) if mount.type == "volume" else mount


def _redirected(delivery: Delivery, renamed: dict[str | None, str]) -> Delivery:
    return replace(delivery, volume=renamed.get(delivery.volume, delivery.volume))


def _own_network(network: Network, realm: str, run_id: str, there: Collection[str]) -> Network:
    if network.external or network.name_on_host(realm) in there:
        return network
    return replace(network, name=measured_name(realm, network.key, run_id))
