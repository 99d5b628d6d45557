"""Bytes in a JSON document: as text where they are text, else encoded, never changed."""

import base64


def exact(key: str, content: bytes) -> dict[str, str | None]:
    """`{key: text}`, or `{key: None, key_base64: …}` for bytes that are not UTF-8."""
    try:
        return {key: content.decode("utf-8")}
    except UnicodeDecodeError:
        return {key: None, f"{key}_base64": base64.b64encode(content).decode("ascii")}
