"""Answers: a status, a JSON document and headers."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
JSON: Final = {**HEADERS, "Content-Type": "application/json"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What goes back: a `document`, or its `body` where that is made already."""

    status: int = 200
    document: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return json.dumps(self.document).encode() if self.body is None else self.body


def refusal(status: int, detail: str, **headers: str) -> Answer:
    """An answer that says what is wrong and what to do."""
    return Answer(status=status, document={"detail": detail}, headers=headers)
