"""Who may ask: the bearer token, and the names by which this server may be called."""

import hmac
import re
from collections.abc import Collection
from contextlib import suppress
from ipaddress import IPv6Address, ip_address

PREFIX = b"Bearer "
UNAUTHORIZED = "the key is missing or another one's; send the header Authorization: Bearer <OZWALD_SYSTEM_KEY>"
OPEN_PATH = "/health"
# Listening there means: at every address of this machine, whatever they are.
EVERYWHERE = frozenset({"0.0.0.0", "[::]"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]+)(?::[0-9]{1,5})?")


def is_open(path: str) -> bool:
    """Whether a path may be asked for without a key."""
    return path in (OPEN_PATH, f"{OPEN_PATH}/")


def is_authorized(header: str | None, key: bytes) -> bool:
    """Whether an Authorization header, as WSGI has it, holds the key; compared in constant time."""
    given = (header or "").encode("latin-1", "replace")
    has_prefix = given[: len(PREFIX)].lower() == PREFIX.lower()
    return hmac.compare_digest(given[len(PREFIX) :] if has_prefix else b"", key) and has_prefix and bool(key)


def is_known_host(header: str | None, allowed: Collection[str]) -> bool:
    """Whether a Host header names this server, so that no name an attacker owns can stand for it (DNS rebinding).

    A server that listens everywhere may be called by any address: rebinding takes a name.
    """
    match = _HOST.fullmatch((header or "").strip().lower())
    if match is None:
        return False
    return match[1] in allowed or (not EVERYWHERE.isdisjoint(allowed) and _is_address(match[1]))


def _is_address(name: str) -> bool:
    with suppress(ValueError):
        return isinstance(ip_address(name.strip("[]")), IPv6Address) == name.startswith("[")
    return False
