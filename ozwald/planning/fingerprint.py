"""The fingerprint of a specification: equal exactly when no new container is needed."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from ozwald.model.service import Network, ServiceSpec

# What decides where and how an instance is started, but not what its container is.
_NOT_PART = ("depends_on", "env_file", "properties", "pull_policy", "requires", "stop_grace_period")


def fingerprint(spec: ServiceSpec, networks: tuple[Network, ...], *, key: bytes) -> str:
    """HMAC-SHA256 in hex over everything that makes a container what it is.

    Keyed, since the result is a label that every user of the engine can read, and the environment holds secrets.
    Cards are not part of it: which one an instance got is decided when it is created and then left alone.
    """
    content = {name: value for name, value in _plain(spec).items() if name not in _NOT_PART}
    content |= {"gpus": spec.requires.gpus, "networks": networks, "attachments": spec.networks}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=_plain)
    return hmac.digest(key, text.encode("utf-8", "surrogateescape"), "sha256").hex()


def _plain(value: Any) -> dict[str, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    return {part.name: getattr(value, part.name) for part in fields(value)}
