# SPDX-License-Identifier: Apache-2.0
"""The words of calls and answers: queries, headers and bodies."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

_PRINTABLE = "".join(map(chr, range(33, 127))).replace("%", "") + " "


def who_headers(author: str, command: str) -> dict[str, str]:
    """Who asks, in headers: short enough to leave room for other headers, whatever the alphabet."""
    return {"X-Ozwald-Author": _in_header(author[:100]), "X-Ozwald-Command": _in_header(command[:1000])}


def _in_header(text: str) -> str:
    """Text as a header can carry it: all but printable ASCII in percent signs."""
    return quote(text.encode("utf-8", "replace"), safe=_PRINTABLE)


def query_of(asked: Mapping[str, Any]) -> str:
    """What was said of it, as the end of a path."""
    said = {name: value for name, value in asked.items() if value is not None}
    return f"?{urlencode(said)}" if said else ""


def read_document(text: bytes) -> Any:
    """The JSON of an answer; None for what is none."""
    try:
        return json.loads(text)
    except ValueError:
        return None
