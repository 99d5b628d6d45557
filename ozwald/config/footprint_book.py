"""The book of footprints: YAML text to values and back."""

import math
import os
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from ozwald.config.files import read_source
from ozwald.config.nodes import Node, Scalar, is_null
from ozwald.config.problems import Problems, RefusedError
from ozwald.config.scalars import typed
from ozwald.config.schema import checked
from ozwald.config.schema_files import FOOTPRINTS
from ozwald.config.values import collect, entries, field, integer, listed, maybe, number, required, text, texts
from ozwald.config.yaml_source import compose
from ozwald.model.footprint import Combination, Footprint, FootprintKey, Phase, Span, Usage, VramSource

SCHEMA = 1
DEFAULT_REALM = "default"

_GIB = 1024**3
_WHEN = "%Y-%m-%dT%H:%M:%SZ"
_HEADER = """\
# What services were measured to take: peaks in GiB and cores first, then how it was measured.
# Written by ozwald; entries may be changed or taken out by hand, but comments do not stay.
"""


def read_book(path: Path) -> tuple[Footprint, ...]:
    """The entries of a book, in their order; none when there is no file.

    Raises:
        SettingsError: it cannot be read, or an entry is not understood; every problem with its place.
    """
    if not _is_there(path):
        return ()
    problems = Problems()
    found: tuple[Footprint, ...] = ()
    try:
        tree = compose(read_source(path, file=str(path), problems=problems), problems)
        if tree is not None and not _is_newer(tree, problems):
            found = _unique(tree, problems)
    except RefusedError as err:
        problems.refused(err)
    problems.raise_if_any()
    return found


def book_text(footprints: Iterable[Footprint]) -> str:
    """The YAML of a book, which reads back as what it was made of."""
    written = [book_entry(footprint) for footprint in footprints]
    listing = yaml.dump(written, Dumper=_Writer, sort_keys=False, allow_unicode=True, width=math.inf)
    return _HEADER + listing


def book_entry(footprint: Footprint) -> dict[str, Any]:
    """An entry as it is written, JSON-able: who and how much first, then the version, then what else is known."""
    combination, known = footprint.combination, _known(footprint)
    return {
        "service_name": combination.service,
        "realm": combination.realm,
        "profile": combination.profile,
        "variety": combination.variety,
        "usage": _written_usage(footprint.usage),
        "schema": SCHEMA,
        **{key: known[key] for key in _ORDER if known[key] is not None},
    }


def _is_there(path: Path) -> bool:
    """Whether there is anything to read; why it cannot be read is for who reads it."""
    try:
        os.stat(path)
    except FileNotFoundError:
        return False
    except (OSError, ValueError):
        return True
    return True


def _is_newer(tree: Node, problems: Problems) -> bool:
    """Whether a newer Ozwald wrote entries, whose keys this one cannot judge."""
    newer = [version for item in listed(tree) if (version := entries(item).get("schema")) and _exceeds(version)]
    for version in newer:
        problems.error(version.origin, f"the entry's schema is newer than {SCHEMA}; use the Ozwald that wrote it")
    return bool(newer)


def _exceeds(version: Node) -> bool:
    return isinstance(version, Scalar) and isinstance(version.value, int) and version.value > SCHEMA


def _unique(tree: Node, problems: Problems) -> tuple[Footprint, ...]:
    found: dict[FootprintKey, Node] = {}
    footprints = []
    items = listed(checked(tree, problems, schema=FOOTPRINTS))
    for item, footprint in collect(lambda node: (node, _footprint(node)), items, problems):
        if (same := found.get(footprint.key)) is not None:
            message = f"the same service, host and cards stand in line {same.at[1]}; keep one of the two"
            problems.error(item.origin, message)
        found[footprint.key] = item
        footprints.append(footprint)
    return tuple(footprints)


def _footprint(node: Node) -> Footprint:
    return Footprint(
        combination=Combination(
            realm=_named(node, "realm") or DEFAULT_REALM,
            service=required(node, "service_name", text),
            variety=_named(node, "variety"),
            profile=_named(node, "profile"),
        ),
        usage=required(node, "usage", _usage),
        steady=maybe(node, "steady", _usage),
        spread=maybe(node, "spread", _usage),
        cards=maybe(node, "cards", texts) or (),
        phases=tuple(_spans(field(node, "phases"))),
        vram_source=maybe(node, "vram_source", lambda source: VramSource(text(source))),
        measured_at=maybe(node, "measured_at", _moment),
        **{key: maybe(node, written, read) for key, (written, read, _) in _PLAIN.items()},
    )


def _named(node: Node, key: str) -> str | None:
    return maybe(node, key, text) or None


def _usage(node: Node) -> Usage:
    return Usage(
        cpu_cores=required(node, "cpu_cores", number),
        memory_bytes=required(node, "memory_gb", _gib),
        vram_bytes=maybe(node, "vram_gb", _gib),
    )


def _gib(node: Node) -> int:
    return round(number(node) * _GIB)


def _moment(node: Node) -> float:
    try:
        return datetime.strptime(text(node), _WHEN).replace(tzinfo=UTC).timestamp()
    except ValueError as err:
        raise RefusedError(node.origin, "there is no such time", path=node.path) from err


def _spans(node: Node | None) -> Iterator[Span]:
    """The phases one after the other, from second 0: which boot of the host they were in is not kept."""
    begun_at_s = 0.0
    for phase, duration in entries(node).items():
        duration_s = 0.0 if is_null(duration) else number(duration)
        yield Span(phase=Phase(phase), begun_at_s=begun_at_s, duration_s=duration_s)
        begun_at_s += duration_s


def _known(footprint: Footprint) -> dict[str, Any]:
    """What is known beside the peaks, by key; None where it is not."""
    plain = {key: _maybe(write, getattr(footprint, name)) for name, (key, _, write) in _PLAIN.items()}
    return plain | {
        "cards": list(footprint.cards) or None,
        "steady": _maybe(_written_usage, footprint.steady),
        "spread": _maybe(_written_usage, footprint.spread),
        "vram_source": _maybe(str, footprint.vram_source),
        "measured_at": _maybe(_written_moment, footprint.measured_at),
        "phases": {span.phase.value: _rounded(span.duration_s) for span in footprint.phases} or None,
    }


def _maybe(write: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else write(value)


def _written_usage(usage: Usage) -> dict[str, Any]:
    return {
        "cpu_cores": _rounded(usage.cpu_cores),
        "memory_gb": _in_gib(usage.memory_bytes),
        "vram_gb": _maybe(_in_gib, usage.vram_bytes),
    }


def _written_moment(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime(_WHEN)


def _in_gib(count: int) -> float:
    """To a tenth of a MiB; less than a GiB to four digits."""
    size = count / _GIB
    return round(size, 4) if size >= 1 else float(f"{size:.4g}")


def _as_it_is(value: Any) -> Any:
    return value


def _rounded(value: float) -> float:
    return round(value, 3)


# The field of a Footprint: its key in the book, how it is read, and how it is written.
_PLAIN: dict[str, tuple[str, Callable[[Node], Any], Callable[[Any], Any]]] = {
    "host": ("host", text, _as_it_is),
    "driver": ("driver", text, _as_it_is),
    "image": ("image", text, _as_it_is),
    "image_digest": ("image_digest", text, _as_it_is),
    "image_bytes": ("image_gb", _gib, _in_gib),
    "samples": ("samples", integer, _as_it_is),
    "gap_s": ("gap_s", number, _rounded),
    "cache_bytes": ("cache_gb", _gib, _in_gib),
    "kernel_peak_bytes": ("kernel_peak_gb", _gib, _in_gib),
    "read_while_loading_bytes": ("read_while_loading_gb", _gib, _in_gib),
    "power_w": ("power_w", number, _rounded),
    "ready_after_s": ("ready_after_s", number, _rounded),
    "script_exit_code": ("script_exit_code", integer, _as_it_is),
}

_ORDER = (
    *("host", "cards", "driver", "image", "image_digest", "image_gb", "measured_at", "samples", "gap_s", "steady"),
    *("spread", "vram_source", "cache_gb", "kernel_peak_gb", "read_while_loading_gb", "power_w", "ready_after_s"),
    *("phases", "script_exit_code"),
)


class _Writer(yaml.SafeDumper):
    """Quotes what YAML 1.2 would read as another type; PyYAML only knows 1.1."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text_node(writer: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = None if typed(value) == value else "'"
    return writer.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Writer.add_representer(str, _text_node)
