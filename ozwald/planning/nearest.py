"""Sentences that name what is known when something was not found."""

from collections.abc import Iterable
from difflib import get_close_matches

# Names of ours have at most 63 characters, those of hosts 255; comparing long texts takes minutes.
_LONGEST_COMPARED = 64
_LONGEST_SHOWN = 300


def unknown(kind: str, name: str, known: Iterable[str], *, where: str = "") -> str:
    """Says that there is no such thing, with the nearest name or a list of what there is."""
    names = sorted(known)
    missing = f"no {kind} {shortened(name)!r}{where}"
    comparable = [known_name for known_name in names if len(known_name) <= _LONGEST_COMPARED]
    close = get_close_matches(name[:_LONGEST_COMPARED], comparable, n=1)
    if close:
        return f"{missing}; did you mean {close[0]!r}?"
    if not names:
        return f"{missing}; there are none"
    shown = ", ".join(map(shortened, names[:12])) + (", …" if len(names) > 12 else "")
    return f"{missing}; known: {shown}"


def shortened(text: str) -> str:
    """A text as a message shows it, which may be as long as a file."""
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
