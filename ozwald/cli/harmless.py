"""Text from hosts, made harmless before a terminal sees it."""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def harmless(text: str) -> str:
    """The text with control characters (but newline and tab) and direction overrides shown as escapes."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def harmless_line(text: str) -> str:
    """The same on one line."""
    return harmless(re.sub(r"[\r\n\t]+", " ", text.strip()))
