"""Sentences that name what is known when something was not found."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(kind: str, name: str, known: Iterable[str], *, where: str = "") -> str:
    """Says that there is no such thing, with the nearest name or a list of what there is."""
    names = sorted(known)
    missing = f"no {kind} {name!r}{where}"
    close = get_close_matches(name, names, n=1)
    if close:
        return f"{missing}; did you mean {close[0]!r}?"
    if not names:
        return f"{missing}; there are none"
    shown = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return f"{missing}; known: {shown}"
