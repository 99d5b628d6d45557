"""Who may ask: the bearer token, and the names by which this server may be called."""

import hmac
from collections.abc import Collection

SHORTEST_KEY = 16
GOOD_KEY = 32
PREFIX = b"Bearer "


def is_authorized(header: str | None, key: bytes) -> bool:
    """Whether an Authorization header, as WSGI has it, holds the key; compared in constant time."""
    given = (header or "").encode("latin-1", "replace")
    has_prefix = given[: len(PREFIX)].lower() == PREFIX.lower()
    return hmac.compare_digest(given[len(PREFIX) :] if has_prefix else b"", key) and has_prefix


def is_known_host(header: str | None, allowed: Collection[str]) -> bool:
    """Whether a Host header names this server, so that no name an attacker owns can stand for it (DNS rebinding)."""
    name = (header or "").strip().lower()
    name = name.partition("]")[0] + "]" if name.startswith("[") else name.partition(":")[0]
    return name in allowed
