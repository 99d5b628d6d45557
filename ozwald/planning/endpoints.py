"""Tells a dependant where its dependencies listen."""

import re
from collections.abc import Mapping
from dataclasses import replace

from ozwald.model.host import Host
from ozwald.model.plan import InstanceKey, Placement

Whereabouts = Mapping[InstanceKey, tuple[Placement, ...]]
"""Where each instance is or will be; several placements of one where it cannot be seen which is true."""


def with_endpoints(placement: Placement, whereabouts: Whereabouts, hosts: Mapping[str, Host]) -> Placement:
    """Adds `OZWALD_<NAME>_ENDPOINT=address:port` for each dependency that has a port.

    On the same host that is the instance's name and container port, elsewhere the host's address and the
    published port. What the settings say under the same name wins.
    """
    spec = placement.spec
    endpoints = {
        variable(name): addresses[0]
        for name, addresses in _addresses(placement, whereabouts, hosts).items()
        if len(addresses) == 1 and addresses[0] is not None
    }
    if not endpoints:
        return placement
    return replace(placement, spec=replace(spec, environment={**endpoints, **spec.environment}))


def not_known(placement: Placement, whereabouts: Whereabouts, hosts: Mapping[str, Host]) -> list[str]:
    """The dependencies of which it cannot be told where they listen."""
    return [name for name, addresses in _addresses(placement, whereabouts, hosts).items() if len(addresses) > 1]


def _addresses(
    placement: Placement, whereabouts: Whereabouts, hosts: Mapping[str, Host]
) -> Mapping[str, list[str | None]]:
    """The different addresses that each dependency may have."""
    names = [dependency.instance for dependency in placement.spec.depends_on]
    others = {name: whereabouts.get(InstanceKey(realm=placement.spec.realm, name=name), ()) for name in names}
    return {
        name: list(dict.fromkeys(endpoint(one, seen_from=placement.host, hosts=hosts) for one in candidates))
        for name, candidates in others.items()
    }


def variable(instance: str) -> str:
    """The environment variable that holds an instance's endpoint."""
    return f"OZWALD_{re.sub(r'[^A-Z0-9]', '_', instance.upper())}_ENDPOINT"


def endpoint(placement: Placement, *, seen_from: str, hosts: Mapping[str, Host]) -> str | None:
    """Where an instance answers, as `address:port`, or None when it has no port to be reached at."""
    for port in placement.spec.ports:
        if placement.host == seen_from:
            return f"{placement.spec.instance}:{port.target}"
        if port.published is not None:
            return address_and_port(hosts[placement.host], port.published)
    return None


def address_and_port(host: Host, port: int) -> str:
    """A published port of a host, as clients dial it: an IPv6 address stands in brackets."""
    return f"[{host.address}]:{port}" if ":" in host.address else f"{host.address}:{port}"
