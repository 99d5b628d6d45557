"""Draws a run with characters: areas of braille dots, the phases below."""

from collections.abc import Iterator, Sequence

from ozwald.footprint.course import Curve, Trace
from ozwald.footprint.quantities import Quantity, end_s, quantities
from ozwald.model.units import show_age

ROWS = 5
LABEL = 13
LEAST_WIDTH = 30

# The bits of a braille character's dots, from the lowest up, for its left and its right half.
_DOTS = ((0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08))
_BLANK = 0x2800
_ASCII = " ...::::#"
# For so long a value holds when the next is missing: VRAM and memory are read about once a second.
_HOLD_S = 5.0


def draw(trace: Trace, *, width: int, unicode: bool = True) -> Iterator[str]:
    """The lines of a drawing that is so many characters wide; without `unicode` in ASCII."""
    columns = max(LEAST_WIDTH, width) - LABEL
    length_s = end_s(trace)
    for quantity in quantities(trace):
        yield f"{quantity.title}, up to {quantity.show(quantity.peak)}"
        yield from _area(quantity, columns, length_s, unicode)
    yield " " * LABEL + _phases(trace, columns, length_s)
    end = show_age(length_s)
    yield f"{'0 s':>{LABEL}}{end:>{columns}}"


def _area(quantity: Quantity, columns: int, length_s: float, unicode: bool) -> Iterator[str]:
    top = quantity.peak or 1.0
    heights = [round(value / top * 4 * ROWS) for value in _sampled(quantity.curve, 2 * columns, length_s)]
    labels = [quantity.show(top), *[""] * (ROWS - 2), "0"]
    edge = "│" if unicode else "|"
    for row, label in enumerate(labels):
        floor = 4 * (ROWS - 1 - row)
        cells = (_cell(heights[2 * column : 2 * column + 2], floor) for column in range(columns))
        line = "".join(chr(_BLANK + bits) if unicode else _ASCII[bits.bit_count()] for bits in cells)
        yield f"{label:>{LABEL - 1}}{edge}{line.rstrip(chr(_BLANK) + ' ')}"


def _cell(heights: Sequence[int], floor: int) -> int:
    """The dots of one character whose lowest ones are at this height."""
    return sum(
        dot for height, dots in zip(heights, _DOTS, strict=True) for dot in dots[: max(0, min(4, height - floor))]
    )


def _sampled(curve: Curve, count: int, length_s: float) -> list[float]:
    """The highest value of each of so many equal times; a value holds for some seconds where the next is missing."""
    highest = [0.0] * count
    begins = [point.at_s for point in curve.points]
    for point, following in zip(curve.points, [*begins[1:], begins[-1] + curve.width_s], strict=True):
        until = min(following, point.at_s + max(curve.width_s, _HOLD_S))
        first, last = (min(count - 1, max(0, int(at / length_s * count))) for at in (point.at_s, until))
        for place in range(first, max(first + 1, last)):
            highest[place] = max(highest[place], point.high)
    return highest


def _phases(trace: Trace, columns: int, length_s: float) -> str:
    """Each phase's name below its time, as far as there is room."""
    line = [" "] * columns
    for span in trace.phases:
        begin, end = (
            min(columns, int(at / length_s * columns)) for at in (span.begun_at_s, span.begun_at_s + span.duration_s)
        )
        text = f"|{span.phase.value}"
        text = text if len(text) <= end - begin else "|"[: columns - begin]
        line[begin : begin + len(text)] = text
    return "".join(line).rstrip()
