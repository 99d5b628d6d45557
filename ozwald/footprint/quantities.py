"""What is drawn of a run, in which order and unit."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ozwald.footprint.course import Curve, Trace
from ozwald.model.units import show_bytes

GIB = 1024**3
MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """One curve: `show` makes a value readable, `unit` and `scale` are those of an axis."""

    title: str
    unit: str
    scale: float
    show: Callable[[float], str]
    curve: Curve

    @property
    def peak(self) -> float:
        return max(point.high for point in self.curve.points)


def quantities(trace: Trace) -> Iterator[Quantity]:
    """Those that were measured: memory, VRAM, CPU and power."""
    drawn = (
        _of_bytes("memory", trace.memory_bytes),
        _of_bytes("VRAM", trace.vram_bytes),
        Quantity(title="CPU", unit="cores", scale=1, show=lambda value: f"{value:.2f} cores", curve=trace.cpu_cores),
        Quantity(title="power", unit="W", scale=1, show=lambda value: f"{value:.0f} W", curve=trace.power_w),
    )
    return (quantity for quantity in drawn if quantity.curve.points)


def end_s(trace: Trace) -> float:
    """When the run ended, in seconds since its first sample; never 0, so that it can be divided by."""
    ends = [span.begun_at_s + span.duration_s for span in trace.phases]
    ends += [quantity.curve.points[-1].at_s + quantity.curve.width_s for quantity in quantities(trace)]
    return max(ends, default=0.0) or 1.0


def _of_bytes(title: str, curve: Curve) -> Quantity:
    is_large = any(point.high >= GIB for point in curve.points)
    unit, scale = ("GiB", GIB) if is_large else ("MiB", MIB)
    return Quantity(title=title, unit=unit, scale=scale, show=_bytes, curve=curve)


def _bytes(value: float) -> str:
    return show_bytes(round(value))
