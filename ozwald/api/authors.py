"""Who asks for a change, as the caller says: anybody with the key is believed, and nothing hangs on it."""

import unicodedata
from typing import Final
from urllib.parse import unquote_to_bytes

from ozwald.api.calls import Call
from ozwald.model.history import Author

AUTHOR: Final = "X-Ozwald-Author"
COMMAND: Final = "X-Ozwald-Command"
LONGEST_NAME: Final = 100
LONGEST_COMMAND: Final = 1000


def author_of(call: Call) -> Author:
    """`api` and the call itself where the headers do not say who asks, and with which command."""
    return Author(
        owner=_text(call, AUTHOR, LONGEST_NAME) or "api",
        command=_text(call, COMMAND, LONGEST_COMMAND) or f"POST {call.path}",
    )


def _text(call: Call, header: str, longest: int) -> str:
    """One line of UTF-8, as it is or with percent signs as in an address; what no line may have becomes a space."""
    written = call.headers.get(header.lower(), "").encode("latin-1", "replace")
    text = unquote_to_bytes(written).decode("utf-8", "replace")
    line = "".join(" " if unicodedata.category(one).startswith(("C", "Z")) else one for one in text)
    return " ".join(line.split())[:longest]
