"""Hosts, their cards and who holds them, laid out in lines that fit the terminal."""

import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from ozwald.cli import resource_words as words
from ozwald.cli.bars import LONGEST_BAR, SHORTEST_BAR, UNICODE, Glyphs, draw_bar, fitted, glyphs_of
from ozwald.cli.harmless import harmless_line
from ozwald.cli.output import console
from ozwald.model.resources import Gpu, HostResources
from ozwald.model.units import show_bytes

GAP = "  "
WIDE = 120
SHORTEST_SYSTEM = 9
HOLDERS = 8
HEADINGS = ("HOST", "SYSTEM", "CPUS", "MEMORY USED", "DISK USED", "ENGINE")


def print_resources(found: Sequence[HostResources], *, now: float) -> None:
    """Prints the hosts; bars on a terminal only."""
    out = console()
    width = out.width if sys.stdout.isatty() else None
    for line in resource_lines(found, width=width, now=now, glyphs=glyphs_of(sys.stdout)):
        out.print(line, no_wrap=True, overflow="ignore", crop=False)


def resource_lines(
    found: Sequence[HostResources], *, width: int | None, now: float, glyphs: Glyphs = UNICODE
) -> Iterator[Text]:
    """The lines for a terminal of that width, or for none: then without bars, and nothing is cut."""
    if not found:
        yield Text("no hosts")
        return
    for line in _lines(found, width, now, glyphs):
        if width is not None and line.cell_len > width:
            line.truncate(width - 1)
            line.append(glyphs.cut)
        yield line


def _lines(found: Sequence[HostResources], width: int | None, now: float, glyphs: Glyphs) -> Iterator[Text]:
    columns = _Columns.of(found, width, glyphs)
    layout = columns if width is None or columns.total <= width else _Stacked(width, glyphs)
    yield from layout.headings()
    for resources in found:
        yield from layout.host(resources)
        for gpu in resources.gpus:
            yield from layout.card(gpu)
        for text, style in _remarks(resources, now):
            yield from _wrapped(text, 2, width, style)
    if len(found) > 1:
        yield from _wrapped(_summary(found), 0, width, "bold")


@dataclass(frozen=True, slots=True)
class _Columns:
    """A line for a host; below it a card's name has the room of host, system and processors, then comes its memory."""

    widths: tuple[int, ...]
    bars: tuple[int, int]
    is_wide: bool
    glyphs: Glyphs

    @classmethod
    def of(cls, found: Sequence[HostResources], width: int | None, glyphs: Glyphs) -> "_Columns":
        is_wide = width is None or width >= WIDE
        rows = [HEADINGS, *(_cells(resources, is_wide) for resources in found)]
        widths = [max(map(cell_len, column)) for column in zip(*rows, strict=True)]
        cards = [gpu for resources in found for gpu in resources.gpus]
        widths[3] = max([widths[3], *(cell_len(_vram(gpu)) for gpu in cards)])
        label = max((cell_len(_label(gpu)) for gpu in cards), default=0)
        wanted = max(widths[1], label - widths[0] - widths[2] - 2 * len(GAP))
        if width is None:
            return cls((widths[0], wanted, *widths[2:]), (0, 0), is_wide, glyphs)
        room = width - sum(widths) + widths[1] - 5 * len(GAP)
        memory = disk = max(SHORTEST_BAR, min(LONGEST_BAR, (room - wanted) // 2 - 1))
        if room - memory - disk - 2 < min(wanted, SHORTEST_SYSTEM):
            disk = 0
        system = max(SHORTEST_SYSTEM, min(wanted, room - sum(bar + 1 for bar in (memory, disk) if bar)))
        return cls((widths[0], system, *widths[2:]), (memory, disk), is_wide, glyphs)

    @property
    def total(self) -> int:
        return sum(map(self._width, range(len(HEADINGS)))) + 5 * len(GAP)

    def headings(self) -> Iterator[Text]:
        margins = {column: self._width(column) - self.widths[column] for column in (3, 4)}
        cells = [Text(" " * margins.get(column, 0) + heading) for column, heading in enumerate(HEADINGS)]
        yield self._joined(cells, "bold")

    def host(self, resources: HostResources) -> Iterator[Text]:
        name, system, cpus, *shares, engine = _cells(resources, self.is_wide)
        parts = zip((_memory_part(resources), _disk_part(resources)), self.bars, shares, strict=True)
        bars = [draw_bar(part, bar, self.glyphs).append(share) for part, bar, share in parts]
        style = "" if resources.docker else "red"
        yield self._joined([Text(name, "bold"), Text(system), Text(cpus), *bars, Text(engine, style)])

    def card(self, gpu: Gpu) -> Iterator[Text]:
        room = sum(self.widths[:3]) + 2 * len(GAP)
        part = words.fraction(gpu.vram_used_bytes, gpu.vram_usable_bytes)
        vram = draw_bar(part, self.bars[0], self.glyphs).append(_vram(gpu))
        vram.pad_right(max(0, self._width(3) - vram.cell_len))
        line = Text.assemble(fitted(_label(gpu), room, self.glyphs), GAP, vram, GAP, (words.state(gpu), "dim"))
        line.rstrip()
        yield line
        for amount, who in _held(gpu):
            yield Text.assemble(" " * (room + len(GAP)), (f"{amount:>9}", "dim"), GAP, who)

    def _width(self, column: int) -> int:
        bar = dict(zip((3, 4), self.bars, strict=True)).get(column, 0)
        return self.widths[column] + (bar + 1 if bar else 0)

    def _joined(self, cells: Sequence[Text], style: str = "") -> Text:
        line = Text(style=style)
        for column, cell in enumerate(cells):
            width = self._width(column)
            fitted = cell.copy()
            if fitted.cell_len > width:
                fitted.truncate(width - 1)
                fitted.append(self.glyphs.cut)
            fitted.pad_right(max(0, width - fitted.cell_len))
            line.append(GAP if column else "").append_text(fitted)
        line.rstrip()
        return line


@dataclass(frozen=True, slots=True)
class _Stacked:
    """A line for each fact, where columns have no room."""

    width: int
    glyphs: Glyphs

    def headings(self) -> Iterator[Text]:
        return iter(())

    def host(self, resources: HostResources) -> Iterator[Text]:
        name, system, cpus, memory, disk, engine = _cells(resources, is_wide=False)
        yield Text.assemble((name, "bold"), GAP, system)
        yield Text(f"  cpus    {cpus}")
        yield Text("  memory  ").append_text(self._bar(_memory_part(resources))).append(memory)
        yield Text("  disk    ").append_text(self._bar(_disk_part(resources))).append(disk)
        yield Text("  engine  ").append(engine, "" if resources.docker else "red")

    def card(self, gpu: Gpu) -> Iterator[Text]:
        yield Text(f"  card {_label(gpu).strip()}")
        part = words.fraction(gpu.vram_used_bytes, gpu.vram_usable_bytes)
        yield Text(" " * 10).append_text(self._bar(part)).append(_vram(gpu))
        yield from _wrapped(words.state(gpu), 10, self.width, "dim")
        for amount, who in _held(gpu):
            yield Text.assemble(" " * 10, (f"{amount:>9}", "dim"), " ", who)

    def _bar(self, part: float | None) -> Text:
        return draw_bar(part, max(SHORTEST_BAR, min(LONGEST_BAR, self.width - 30)), self.glyphs)


def _cells(resources: HostResources, is_wide: bool) -> tuple[str, ...]:
    processor = words.processor(resources) if is_wide else ""
    count = "?" if resources.cpu_count is None else str(resources.cpu_count)
    memory = words.used(resources.memory_available_bytes, resources.memory_total_bytes)
    disk = words.used(resources.disk_free_bytes, resources.disk_total_bytes)
    cells = (
        resources.host,
        words.system(resources),
        f"{count} x {processor}" if processor else count,
        words.share(memory, resources.memory_total_bytes),
        words.share(disk, resources.disk_total_bytes),
        words.engine(resources.docker),
    )
    return tuple(map(harmless_line, cells))


def _memory_part(resources: HostResources) -> float | None:
    memory = words.used(resources.memory_available_bytes, resources.memory_total_bytes)
    return words.fraction(memory, resources.memory_total_bytes)


def _disk_part(resources: HostResources) -> float | None:
    disk = words.used(resources.disk_free_bytes, resources.disk_total_bytes)
    return words.fraction(disk, resources.disk_total_bytes)


def _label(gpu: Gpu) -> str:
    indent = "    " if gpu.mig else "  "
    return harmless_line(f"{indent}{words.card_number(gpu)} {words.card_name(gpu)}")


def _vram(gpu: Gpu) -> str:
    return words.share(gpu.vram_used_bytes, gpu.vram_usable_bytes)


def _held(gpu: Gpu) -> Iterator[tuple[str, str]]:
    """What each holder has and who it is, the biggest first, and how many more there are."""
    for held in gpu.holders[:HOLDERS]:
        yield words.amount(held), harmless_line(words.holder(held))
    more = len(gpu.holders[HOLDERS:]) + gpu.more_holders
    if more:
        yield "", f"and {more} more"


def _remarks(resources: HostResources, now: float) -> Iterator[tuple[str, str]]:
    for card in words.others(resources):
        yield f"- {card.name}{f' ({card.driver})' if card.driver else ''}: given to nobody", "dim"
    for note in words.notes(resources, now=now):
        yield f"! {note}", "yellow"


def _summary(found: Iterable[HostResources]) -> str:
    hosts = list(found)
    cards = [gpu for resources in hosts for gpu in resources.gpus if gpu.refusal is None]
    known = [gpu.vram_free_bytes for gpu in cards if gpu.vram_free_bytes is not None]
    free = f", {show_bytes(sum(known))} of VRAM free" if known else ""
    return f"{len(hosts)} hosts, {len(cards)} card{'' if len(cards) == 1 else 's'}{free}"


def _wrapped(text: str, indent: int, width: int | None, style: str) -> Iterator[Text]:
    """A text on as many lines as it needs, each behind the indent; words longer than a line are broken."""
    text = harmless_line(text)
    if not text:
        return
    margin = " " * indent
    limit = 10**6 if width is None else max(20, width)
    for line in textwrap.wrap(text, limit, initial_indent=margin, subsequent_indent=f"{margin}  " if indent else ""):
        yield Text(line, style)
