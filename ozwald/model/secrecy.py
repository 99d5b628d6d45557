"""Tells by a name whether its value is a secret, and takes such values out of text."""

import re
from collections.abc import Mapping

HIDDEN = "********"
SHORTEST = 6  # shorter values would blot out ordinary text

_SECRET = re.compile(r"key$|token|passw|secret|credential", re.IGNORECASE)
_NO_SECRET = re.compile(r"private_key_file|public_key", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether a variable of this name holds a secret."""
    return _SECRET.search(name) is not None and _NO_SECRET.search(name) is None


def without_secrets(text: str, environment: Mapping[str, str]) -> str:
    """The text with stars in place of the values of secret variables."""
    values = {value for name, value in environment.items() if is_secret(name) and len(value) >= SHORTEST}
    for value in sorted(values, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    return text
