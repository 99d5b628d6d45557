"""Makes text that came from a host harmless and short enough for an error message."""

from typing import Final

LIMIT: Final = 300


def clean(text: str | bytes, *, limit: int = LIMIT) -> str:
    """The text on one line, without control characters, at most `limit` characters."""
    if isinstance(text, bytes):
        text = text[: limit * 16].decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: limit * 16]).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
