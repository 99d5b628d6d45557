"""Draws a run as SVG or PNG with matplotlib, which is an extra: `pip install 'ozwald[plots]'`."""

from io import BytesIO
from typing import TYPE_CHECKING

from ozwald.errors import RequestError
from ozwald.footprint.course import Trace
from ozwald.footprint.quantities import Quantity, end_s, quantities

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("svg", "png")
INCHES = (10.0, 2.2)


def picture(trace: Trace, *, title: str, form: str) -> bytes:
    """The run's quantities over time, one below the other, with the phases marked; `form` is one of FORMATS.

    Raises:
        RequestError: matplotlib is not installed.
    """
    drawn = list(quantities(trace))
    figure = _figure(height=INCHES[1] * max(1, len(drawn)))
    panels = figure.subplots(max(1, len(drawn)), 1, sharex=True, squeeze=False)[:, 0]
    for panel, quantity in zip(panels, drawn, strict=False):
        _draw(panel, quantity)
        _mark_phases(panel, trace)
    _name_phases(panels[0], trace)
    panels[0].set_xlim(0, end_s(trace))
    panels[-1].set_xlabel("seconds")
    figure.suptitle(title, parse_math=False)
    return _saved(figure, form)


def _figure(*, height: float) -> "Figure":
    try:
        from matplotlib.figure import Figure
    except ImportError as err:
        raise RequestError(
            "drawing into a file needs matplotlib: pip install 'ozwald[plots]'; --plot - draws in the terminal"
        ) from err
    return Figure(figsize=(INCHES[0], height), layout="constrained")


def _draw(panel: "Axes", quantity: Quantity) -> None:
    """The lowest and the highest value of each time, and the area between them."""
    times = [point.at_s for point in quantity.curve.points]
    lows = [point.low / quantity.scale for point in quantity.curve.points]
    highs = [point.high / quantity.scale for point in quantity.curve.points]
    panel.fill_between(times, lows, highs, alpha=0.3, linewidth=0)
    panel.plot(times, highs, linewidth=1.2)
    panel.set_ylabel(f"{quantity.title} [{quantity.unit}]")
    panel.set_ylim(bottom=0)
    panel.grid(alpha=0.3)


def _mark_phases(panel: "Axes", trace: Trace) -> None:
    for span in trace.phases:
        panel.axvline(span.begun_at_s, color="gray", linewidth=0.8, linestyle="--")


def _name_phases(panel: "Axes", trace: Trace) -> None:
    """Above the first panel; phases too short for their names would lie upon each other, so these are slanted."""
    for span in trace.phases:
        panel.text(
            span.begun_at_s,
            1.02,
            span.phase.value,
            transform=panel.get_xaxis_transform(),
            rotation=60,
            fontsize=8,
            verticalalignment="bottom",
        )


def _saved(figure: "Figure", form: str) -> bytes:
    from matplotlib import rc_context

    content = BytesIO()
    # Text stays text in an SVG, so that it can be searched and read aloud; a date would make each file differ.
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "ozwald"}):
        figure.savefig(content, format=form, dpi=150, metadata={"Date": None} if form == "svg" else None)
    return content.getvalue()
