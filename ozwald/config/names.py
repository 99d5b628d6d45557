"""What a name of an instance, definition, realm, host, profile or variety may look like."""

import re

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

RULE = (
    "a name has letters, digits, '.', '_' and '-', starts with a letter or digit, "
    "has at most 63 and never '--'"
)


def is_name(text: str) -> bool:
    """Whether the text is a valid name."""
    return bool(_NAME.fullmatch(text)) and "--" not in text
