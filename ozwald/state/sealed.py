"""JSON documents with a schema version and a checksum, so that damage is noticed and never guessed over."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from ozwald.errors import StateError
from ozwald.state.files import read_text, write_whole

Read = TypeVar("Read")


def write_sealed(path: Path, schema: int, content: Any) -> None:
    """Makes a JSON-able value durable.

    Raises:
        StateError: it cannot be written; what was there before still is.
    """
    document = {"schema": schema, "checksum": _checksum(content), "content": content}
    write_whole(path, json.dumps(document, separators=(",", ":")) + "\n")


def read_sealed(path: Path, schema: int, read: Callable[[Any], Read], *, remedy: str) -> Read | None:
    """What `read` makes of the content, or None when there is no such file.

    Raises:
        StateError: it is damaged or of another version; it is left as it is, and `remedy` says what to do.
    """
    text = read_text(path)
    return None if text is None else unseal(text, schema, read, where=str(path), remedy=remedy)


def unseal(text: str, schema: int, read: Callable[[Any], Read], *, where: str, remedy: str) -> Read:
    """What `read` makes of a sealed document's content.

    Raises:
        StateError: it is damaged or of another version; the text says `where`, and `remedy` what to do.
    """
    try:
        document = json.loads(text)
        if type(document["schema"]) is not int:
            raise TypeError("schema")
        if document["schema"] != schema:
            raise StateError(
                f"{where} has schema {document['schema']}; this version reads {schema}: use the version that wrote it, "
                f"or {remedy}"
            )
        if document["checksum"] != _checksum(document["content"]):
            raise StateError(f"{where} is damaged (checksum); {remedy}")
        return read(document["content"])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as err:
        raise StateError(f"{where} is damaged ({type(err).__name__}); {remedy}") from err


def _checksum(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
