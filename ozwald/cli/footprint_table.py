"""Footprints for people: a line for each, or several side by side."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime

from ozwald.cli.output import print_table
from ozwald.footprint.book import ratios
from ozwald.model.footprint import Footprint, Usage
from ozwald.model.units import show_bytes

_HEADINGS = ("SERVICE", "HOST", "CARDS", "CPU", "MEMORY", "VRAM", "AT REST", "MEASURED")


def print_list(footprints: Sequence[Footprint], *, empty: str) -> None:
    """The peaks of each, and what it takes at rest."""
    print_table(_HEADINGS, [_row(footprint) for footprint in footprints], empty=empty)


def print_comparison(footprints: Sequence[Footprint]) -> None:
    """A column for each; behind the figures how many times those of the first they are."""
    headings = ("", *map(title, footprints))
    print_table(headings, [(name, *map(cell, footprints)) for name, cell in _lines(footprints[0])], empty="")


def title(footprint: Footprint) -> str:
    """`llm[nvidia] on gpu01 (2 x NVIDIA L4)`."""
    where = f" on {footprint.host}" if footprint.host else ""
    return f"{footprint.combination}{where}" + (f" ({_cards(footprint)})" if footprint.cards else "")


def _cards(footprint: Footprint) -> str:
    counted = Counter(footprint.cards)
    return ", ".join(f"{count} x {model}" if count > 1 else model for model, count in counted.items()) or "-"


def _row(footprint: Footprint) -> tuple[str, ...]:
    usage = footprint.usage
    return (
        str(footprint.combination),
        footprint.host or "-",
        _cards(footprint),
        _cores(usage),
        _memory(usage),
        _vram(usage),
        _at_rest(footprint.steady),
        _when(footprint),
    )


def _at_rest(usage: Usage | None) -> str:
    if usage is None:
        return "-"
    return ", ".join(part for part in (_cores(usage), _memory(usage), _vram(usage)) if part != "-")


def _lines(first: Footprint) -> list[tuple[str, Callable[[Footprint], str]]]:
    return [
        ("CPU", _compared("cpu_cores", _cores, first, lambda one: one.usage)),
        ("memory", _compared("memory_bytes", _memory, first, lambda one: one.usage)),
        ("VRAM", _compared("vram_bytes", _vram, first, lambda one: one.usage)),
        ("CPU at rest", _compared("cpu_cores", _cores, first, lambda one: one.steady)),
        ("memory at rest", _compared("memory_bytes", _memory, first, lambda one: one.steady)),
        ("VRAM at rest", _compared("vram_bytes", _vram, first, lambda one: one.steady)),
        ("ready after", lambda one: "-" if one.ready_after_s is None else f"{one.ready_after_s:.1f} s"),
        ("read while loading", lambda one: _bytes(one.read_while_loading_bytes)),
        ("image", lambda one: one.image or "-"),
        ("measured", _when),
    ]


def _compared(
    field: str, show: Callable[[Usage], str], first: Footprint, usage_of: Callable[[Footprint], Usage | None]
) -> Callable[[Footprint], str]:
    def cell(footprint: Footprint) -> str:
        usage, base = usage_of(footprint), usage_of(first)
        if usage is None:
            return "-"
        ratio = None if base is None or footprint is first else ratios(usage, base)[field]
        return show(usage) + ("" if ratio is None else f"  x{ratio:.2f}")

    return cell


def _cores(usage: Usage) -> str:
    return f"{usage.cpu_cores:.2f} cores"


def _memory(usage: Usage) -> str:
    return show_bytes(usage.memory_bytes)


def _vram(usage: Usage) -> str:
    return _bytes(usage.vram_bytes)


def _bytes(count: int | None) -> str:
    return "-" if count is None else show_bytes(count)


def _when(footprint: Footprint) -> str:
    """The local time of this machine."""
    if footprint.measured_at is None:
        return "-"
    return datetime.fromtimestamp(footprint.measured_at).astimezone().strftime("%Y-%m-%d %H:%M")
