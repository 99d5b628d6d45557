"""Text made harmless before a terminal sees it: control characters from hosts, secrets of the settings."""

import re

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_SECRET = re.compile(r"key$|token|passw|secret|credential", re.IGNORECASE)
_NO_SECRET = re.compile(r"private_key_file|public_key", re.IGNORECASE)


def hide_secret(name: str, value: str) -> str:
    """The value, or stars where its name says that it is a secret."""
    return "********" if _SECRET.search(name) and not _NO_SECRET.search(name) else value


def harmless(text: str) -> str:
    """The text with control characters (but newline and tab) and direction overrides shown as escapes."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def harmless_json(text: str) -> str:
    """JSON text that means the same; what it leaves unescaped and a terminal may obey is escaped as JSON has it."""
    return _CONTROL.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def harmless_line(text: str) -> str:
    """The same on one line."""
    return harmless(re.sub(r"[\r\n\t]+", " ", text.rstrip()))
