"""Bars and cells of one width, of what the terminal can show."""

from dataclasses import dataclass
from typing import TextIO

from rich.cells import cell_len, set_cell_size
from rich.text import Text

SHORTEST_BAR, LONGEST_BAR = 4, 16


@dataclass(frozen=True, slots=True)
class Glyphs:
    """What bars are made of, and what stands for text that is left out."""

    full: str
    empty: str
    cut: str


UNICODE = Glyphs("█", "░", "…")
ASCII = Glyphs("#", "-", "~")


def glyphs_of(stream: TextIO) -> Glyphs:
    """What a stream can show."""
    return UNICODE if (stream.encoding or "").lower().replace("-", "") == "utf8" else ASCII


def draw_bar(part: float | None, width: int, glyphs: Glyphs) -> Text:
    """A bar and a blank, or nothing where there is no room for one."""
    if not width:
        return Text()
    if part is None:
        return Text(" " * (width + 1))
    full = min(width, max(1 if part > 0.005 else 0, round(part * width)))
    style = "red" if part >= 0.95 else "yellow" if part >= 0.8 else "green"
    return Text.assemble((glyphs.full * full, style), (glyphs.empty * (width - full), "dim"), " ")


def fitted(text: str, width: int, glyphs: Glyphs) -> str:
    """A text that is exactly as wide, cut where it is longer."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(text, width - 1) + glyphs.cut
