"""A run drawn with characters: as wide as asked for, readable without colour and without Unicode."""

import pytest

from ozwald.footprint.course import Course, Curve, Trace
from ozwald.footprint.terminal_plot import draw
from ozwald.model.footprint import Phase
from tests.footprint.sampled import span

NOTHING = Curve(width_s=0.1, points=())
RUN = (span(Phase.BASELINE, 0, 1), span(Phase.LOAD, 1, 49), span(Phase.READY, 50, 50))


def cpu(*values: float) -> Trace:
    """One value a second."""
    course = Course()
    for at_s, value in enumerate(values):
        course.add(at_s, value)
    return Trace(phases=RUN, cpu_cores=course.curve(), memory_bytes=NOTHING, vram_bytes=NOTHING, power_w=NOTHING)


def test_half_a_run_of_load_fills_half_of_the_area() -> None:
    lines = list(draw(cpu(*[4.0] * 50, *[0.0] * 50), width=53, unicode=False))

    assert lines[0] == "CPU, up to 4.00 cores"
    assert lines[1] == "  4.00 cores|" + "#" * 20
    assert lines[5] == "           0|" + "#" * 20
    assert lines[6:] == [" " * 13 + "|load               |ready", " " * 10 + "0 s" + " " * 35 + "100 s"]


def test_a_spike_between_the_columns_is_seen() -> None:
    lines = list(draw(cpu(*[1.0] * 77, 9.0, *[1.0] * 522), width=60))

    assert lines[0] == "CPU, up to 9.00 cores"
    assert len(lines[1].rstrip()) > len("  9.00 cores│")


@pytest.mark.parametrize("width", [0, 10, 40, 79, 200])
def test_it_is_never_wider_than_asked_for(width: int) -> None:
    assert all(len(line) <= max(30, width) for line in draw(cpu(1.0, 2.0, 3.0), width=width))


def test_what_is_always_zero_is_an_empty_area() -> None:
    assert next(draw(cpu(0.0, 0.0), width=60)) == "CPU, up to 0.00 cores"


def test_a_run_without_anything_has_its_phases() -> None:
    assert len(list(draw(cpu(), width=60))) == 2
