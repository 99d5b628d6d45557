"""Tells a dependant where its dependencies listen."""

import re
from collections.abc import Mapping
from dataclasses import replace

from ozwald.model.host import Host
from ozwald.model.plan import InstanceKey, Placement


def with_endpoints(
    placement: Placement, placed: Mapping[InstanceKey, Placement], hosts: Mapping[str, Host]
) -> Placement:
    """Adds `OZWALD_<NAME>_ENDPOINT=address:port` for each dependency that has a port.

    On the same host that is the instance's name and container port, elsewhere the host's address and the
    published port. What the settings say under the same name wins.
    """
    spec = placement.spec
    endpoints = {}
    for dependency in spec.depends_on:
        other = placed.get(InstanceKey(realm=spec.realm, name=dependency.instance))
        address = endpoint(other, seen_from=placement.host, hosts=hosts) if other else None
        if address is not None:
            endpoints[variable(dependency.instance)] = address
    if not endpoints:
        return placement
    return replace(placement, spec=replace(spec, environment={**endpoints, **spec.environment}))


def variable(instance: str) -> str:
    """The environment variable that holds an instance's endpoint."""
    return f"OZWALD_{re.sub(r'[^A-Z0-9]', '_', instance.upper())}_ENDPOINT"


def endpoint(placement: Placement, *, seen_from: str, hosts: Mapping[str, Host]) -> str | None:
    """Where an instance answers, as `address:port`, or None when it has no port to be reached at."""
    for port in placement.spec.ports:
        if placement.host == seen_from:
            return f"{placement.spec.instance}:{port.target}"
        if port.published is not None:
            return f"{hosts[placement.host].address}:{port.published}"
    return None
