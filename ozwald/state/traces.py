"""How measured runs went, for plots: a bounded file in the data folder for each entry of the book."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from ozwald.errors import StateError
from ozwald.footprint.course import Curve, Point, Trace
from ozwald.model.footprint import Footprint, Phase, Span
from ozwald.state.home import DataFolder
from ozwald.state.sealed import read_sealed, write_sealed

SCHEMA = 1
MAX_FILES = 2_000
_CURVES = ("cpu_cores", "memory_bytes", "vram_bytes", "power_w")


class Traces:
    """One file for each combination, host and set of cards, some 50 kB at most; the oldest of 2,000 go."""

    def __init__(self, home: DataFolder) -> None:
        self._home = home

    def keep(self, footprint: Footprint, trace: Trace) -> None:
        """Keeps how this measurement went, in place of an older one of the same.

        Raises:
            StateError: it cannot be written.
        """
        path = self._home.folder("footprints") / _file_name(footprint)
        write_sealed(path, SCHEMA, {"measured_at": _second(footprint), **_document(trace)})
        self._forget_oldest()

    def read(self, footprint: Footprint) -> Trace | None:
        """How this very measurement went; None when that is not kept here.

        Raises:
            StateError: it is damaged.
        """
        path = self._home.path / "footprints" / _file_name(footprint)
        found = read_sealed(path, SCHEMA, _read, remedy="delete it: only the plot is lost")
        return found[1] if found and found[0] == _second(footprint) else None

    def _forget_oldest(self) -> None:
        folder = self._home.path / "footprints"
        try:
            files = sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime)
            for file in files[:-MAX_FILES]:
                file.unlink(missing_ok=True)
        except OSError as err:
            raise StateError(f"cannot forget old measurements in {folder}: {err.strerror}") from err


def _file_name(footprint: Footprint) -> str:
    combination, host, cards = footprint.key
    names = [combination.realm, combination.service, combination.variety, combination.profile, host, list(cards)]
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()[:32] + ".json"


def _second(footprint: Footprint) -> int | None:
    """When it was measured, as exactly as the book says it."""
    return None if footprint.measured_at is None else int(footprint.measured_at)


def _document(trace: Trace) -> dict[str, Any]:
    return {
        "phases": [[span.phase.value, span.begun_at_s, span.duration_s] for span in trace.phases],
        "curves": {name: _written(getattr(trace, name)) for name in _CURVES},
    }


def _written(curve: Curve) -> dict[str, Any]:
    points = [[point.at_s, _short(point.low), _short(point.high)] for point in curve.points]
    return {"width_s": curve.width_s, "points": points}


def _short(value: float) -> float:
    """Ten digits: a byte of a gigabyte."""
    return float(f"{value:.10g}")


def _read(content: Mapping[str, Any]) -> tuple[int | None, Trace]:
    phases = tuple(
        Span(phase=Phase(phase), begun_at_s=float(begun), duration_s=float(duration))
        for phase, begun, duration in content["phases"]
    )
    curves = {name: _curve(content["curves"][name]) for name in _CURVES}
    return content["measured_at"], Trace(phases=phases, **curves)


def _curve(content: Mapping[str, Any]) -> Curve:
    points = tuple(Point(float(at), float(low), float(high)) for at, low, high in content["points"])
    return Curve(width_s=float(content["width_s"]), points=points)
