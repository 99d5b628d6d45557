"""Marks of a specification: equal ones say, without a closer look, that a container is as wanted."""

import hmac
import json
from dataclasses import dataclass

from ozwald.model.realm import Network
from ozwald.model.service import ServiceSpec
from ozwald.planning.settled import IN_PLACE, settled


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """The two labels a container is compared by at first sight.

    `fingerprint` covers everything that needs a new container when it is changed: HMAC-SHA256 in hex, keyed, since
    every user of the engine can read labels and the environment holds secrets. `limits` is what can be changed on
    the container that is there, as text: `cpus=2.0,restart=always`.
    """

    fingerprint: str
    limits: str


def marks(spec: ServiceSpec, networks: tuple[Network, ...], *, key: bytes) -> Marks:
    """The marks of one container of `spec`, whatever cards it gets: those are chosen once and then left alone."""
    content = settled(spec, networks)
    limits = {name: content.pop(name) for name in sorted(IN_PLACE) if name in content}
    content |= {
        "realm": spec.realm,
        "instance": spec.instance,
        "hardware": spec.hardware,
        "gpus": spec.requires.gpus,
        "lockers": spec.lockers,
    }
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return Marks(
        fingerprint=hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex(),
        limits=",".join(f"{name}={value}" for name, value in limits.items()),
    )
