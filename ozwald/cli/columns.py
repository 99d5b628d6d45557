"""How wide the columns of a table are, where it has to fit a terminal."""

from collections.abc import Sequence
from math import ceil

from rich.cells import cell_len

# What rich leaves between two columns.
GAP = 2


def column_widths(table: Sequence[Sequence[str]], available: int) -> list[int] | None:
    """The width of each column, so that lines break between words; None where even that does not fit.

    Every column is given its longest word, and what is left goes to the one that takes most lines.
    """
    columns = list(zip(*table, strict=True))
    whole = [max(map(cell_len, column)) for column in columns]
    widths = [max(_longest_word(cell) for cell in column) for column in columns]
    left = available - GAP * (len(columns) - 1) - sum(widths)
    if left < 0:
        return None
    for _ in range(min(left, sum(whole) - sum(widths))):
        # Of equally tall ones, that which will soonest be whole.
        tallest = max(range(len(widths)), key=lambda it: (ceil(whole[it] / (widths[it] or 1)), widths[it] - whole[it]))
        widths[tallest] += 1
    return widths


def _longest_word(cell: str) -> int:
    return max(map(cell_len, cell.split()), default=0)
