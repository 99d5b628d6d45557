"""Text made harmless before a terminal sees it: control characters from hosts, secrets of the settings."""

import re

from ozwald.model.secrecy import HIDDEN, is_secret

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def hide_secret(name: str, value: str) -> str:
    """The value, or stars where its name says that it is a secret."""
    return HIDDEN if is_secret(name) else value


def harmless(text: str) -> str:
    """The text with control characters (but newline and tab) and direction overrides shown as escapes."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def harmless_json(text: str) -> str:
    """JSON text that means the same; what it leaves unescaped and a terminal may obey is escaped as JSON has it."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def harmless_line(text: str) -> str:
    """The same on one line."""
    return harmless(re.sub(r"[\r\n\t]+", " ", text.rstrip()))
