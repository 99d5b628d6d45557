"""Hosts, cards and services with what they take, laid out in lines that fit the terminal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from ozwald.cli import resource_words as words
from ozwald.cli.bars import LONGEST_BAR, SHORTEST_BAR, UNICODE, Glyphs, draw_bar, fitted
from ozwald.cli.harmless import harmless_line
from ozwald.model.live import CardUse, HostUse, OthersUse, ServiceUse
from ozwald.model.units import show_bytes

GAP = "  "
HEADINGS = ("HOST", "CPU", "MEMORY", "VRAM")
HOLDERS = 8
SHORTEST_LABEL = 12
UNKNOWN = "?"


@dataclass(frozen=True, slots=True)
class _Cell:
    """A figure and the part of a whole that it is, None where there is no whole or it is not known."""

    text: str = ""
    part: float | None = None


@dataclass(frozen=True, slots=True)
class _Line:
    """A label and its three cells, or a remark where there are none."""

    label: str
    cells: tuple[_Cell, _Cell, _Cell] | None = None
    style: str = ""


def top_lines(
    found: Sequence[HostUse], *, width: int | None, height: int | None = None, glyphs: Glyphs = UNICODE
) -> list[Text]:
    """The lines for a terminal of that size; for none without bars, and nothing is cut."""
    lines = [line for use in found for line in _host(use)]
    layout = _Layout.of(lines, width, glyphs)
    drawn = [layout.headings(), *(layout.drawn(line) for line in lines)]
    if height is None or len(drawn) <= height:
        return drawn
    kept = max(1, height - 1)
    return [*drawn[:kept], Text(f"{glyphs.cut} {len(drawn) - kept} more lines: name fewer hosts", "dim")]


@dataclass(frozen=True, slots=True)
class _Layout:
    """The widths of the label, of a bar and of each figure."""

    label: int
    bar: int
    figures: tuple[int, ...]
    width: int | None
    glyphs: Glyphs

    @classmethod
    def of(cls, lines: Sequence[_Line], width: int | None, glyphs: Glyphs) -> "_Layout":
        rows = [line for line in lines if line.cells is not None]
        label = max([SHORTEST_LABEL, *(cell_len(line.label) for line in rows)])
        columns = zip(*(line.cells for line in rows if line.cells), strict=True)
        figures = [max(cell_len(cell.text) for cell in column) for column in columns] or [0, 0, 0]
        figures = [max(cell_len(heading), figure) for heading, figure in zip(HEADINGS[1:], figures, strict=True)]
        if width is None:
            return cls(label, 0, tuple(figures), None, glyphs)
        room = width - sum(figures) - 3 * len(GAP)
        bar = min(LONGEST_BAR, (room - label) // 3 - 1)
        if bar < SHORTEST_BAR:
            bar = SHORTEST_BAR if room - 3 * (SHORTEST_BAR + 1) >= SHORTEST_LABEL else 0
        bars = 3 * (bar + 1) if bar else 0
        return cls(max(SHORTEST_LABEL, min(label, room - bars)), bar, tuple(figures), width, glyphs)

    def headings(self) -> Text:
        margin = " " * (self.bar + 1) if self.bar else ""
        titles = zip(HEADINGS[1:], self.figures, strict=True)
        cells = [margin + fitted(title, figure, self.glyphs) for title, figure in titles]
        line = GAP.join([fitted(HEADINGS[0], self.label, self.glyphs), *cells])
        return self._cut(Text(line.rstrip(), "bold"))

    def drawn(self, line: _Line) -> Text:
        if line.cells is None:
            return self._cut(Text(line.label, line.style))
        drawn = Text(fitted(line.label, self.label, self.glyphs), line.style)
        for cell, figure in zip(line.cells, self.figures, strict=True):
            bar = draw_bar(cell.part, self.bar, self.glyphs)
            drawn.append(GAP, "").append_text(bar).append(fitted(cell.text, figure, self.glyphs), "")
        drawn.rstrip()
        return self._cut(drawn)

    def _cut(self, line: Text) -> Text:
        if self.width is not None and line.cell_len > self.width:
            line.truncate(max(0, self.width - 1))
            line.append(self.glyphs.cut)
        return line


def _host(use: HostUse) -> Iterator[_Line]:
    name = harmless_line(use.host)
    if use.failure is not None:
        yield _Line(f"{name}  {harmless_line(use.failure)}", style="red")
        return
    if not use.is_begun:
        yield _Line(f"{name}  connecting", style="dim")
        return
    memory = words.used(use.memory_available_bytes, use.memory_total_bytes)
    total = _sum([card.vram_total_bytes for card in use.cards])
    vram = _of_whole(_sum([card.vram_used_bytes for card in use.cards]), total) if use.cards else _Cell()
    yield _Line(name, (_cpu(use), _of_whole(memory, use.memory_total_bytes), vram), "bold")
    if use.engine_failure is not None:
        yield _Line(f"  {harmless_line(use.engine_failure)}", style="yellow")
    for card in use.cards:
        yield from _card(card)
    for service in use.services:
        yield _service(service, use, total)
    if use.others is not None and use.others.count:
        yield _others(use.others, use)


def _card(card: CardUse) -> Iterator[_Line]:
    used = _Cell("" if card.utilization_percent is None else f"{card.utilization_percent} %")
    if card.utilization_percent is not None:
        used = _Cell(used.text, card.utilization_percent / 100)
    power = _Cell("" if card.power_w is None else f"{card.power_w:.0f} W")
    vram = _of_whole(card.vram_used_bytes, card.vram_total_bytes)
    yield _Line(harmless_line(f"  card {card.index} {words.short_name(card.name)}"), (used, power, vram), "cyan")
    for held in card.holders[:HOLDERS]:
        part = words.fraction(held.vram_bytes, card.vram_total_bytes)
        who = harmless_line(f"    held by {words.holder(held)}")
        yield _Line(who, (_Cell(), _Cell(), _Cell(words.amount(held), part)), "dim")
    if more := len(card.holders[HOLDERS:]):
        yield _Line(f"    and {more} more", style="dim")


def _service(service: ServiceUse, use: HostUse, vram_total: int | None) -> _Line:
    realm = "" if service.realm == "default" else f"{service.realm}:"
    of = "" if service.service == service.name else f" ({service.service})"
    vram = _Cell()
    if service.vram_bytes is not None:
        vram = _Cell(show_bytes(service.vram_bytes), words.fraction(service.vram_bytes, vram_total))
    cells = (_cores(service.cpu_cores, use), _bytes(service.memory_bytes, use.memory_total_bytes), vram)
    return _Line(harmless_line(f"  {realm}{service.name}{of}"), cells)


def _others(others: OthersUse, use: HostUse) -> _Line:
    label = f"  {others.count} other container{'' if others.count == 1 else 's'}"
    cells = (_cores(others.cpu_cores, use), _bytes(others.memory_bytes, use.memory_total_bytes), _Cell())
    return _Line(label, cells, "dim")


def _cpu(use: HostUse) -> _Cell:
    count = UNKNOWN if use.cpu_count is None else str(use.cpu_count)
    if use.cpu_cores is None:
        return _Cell(f"{UNKNOWN}/{count}")
    return _Cell(f"{use.cpu_cores:.1f}/{count}", _part(use.cpu_cores, use.cpu_count))


def _cores(cores: float | None, use: HostUse) -> _Cell:
    return _Cell(UNKNOWN) if cores is None else _Cell(f"{cores:.2f}", _part(cores, use.cpu_count))


def _part(cores: float, count: int | None) -> float | None:
    return min(1.0, max(0.0, cores / count)) if count else None


def _of_whole(used: int | None, total: int | None) -> _Cell:
    return _Cell(words.share(used, total), words.fraction(used, total))


def _bytes(count: int | None, whole: int | None) -> _Cell:
    return _Cell(UNKNOWN) if count is None else _Cell(show_bytes(count), words.fraction(count, whole))


def _sum(counts: Sequence[int | None]) -> int | None:
    """None where any of them is not known."""
    known = [count for count in counts if count is not None]
    return sum(known) if len(known) == len(counts) else None
