"""How a run went is kept for its entry of the book, and only for that."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from ozwald.errors import StateError
from ozwald.footprint.course import Course, Curve, Trace
from ozwald.model.footprint import Combination, Footprint, Phase, Span, Usage
from ozwald.state import traces
from ozwald.state.home import DataFolder
from ozwald.state.traces import Traces

LLM = Footprint(
    combination=Combination(realm="default", service="llm"),
    usage=Usage(cpu_cores=1.0, memory_bytes=1024**3),
    host="gpu01",
    measured_at=1_795_400_000.25,
)


def curve(readings: int) -> Curve:
    course = Course()
    for number in range(readings):
        course.add(100 + number / 10, number * 1024.0)
    return course.curve(since_s=100)


NOTHING = Curve(width_s=0.1, points=())
TRACE = Trace(
    phases=(Span(phase=Phase.LOAD, begun_at_s=0.5, duration_s=3.0),),
    cpu_cores=curve(30),
    memory_bytes=curve(36_000),
    vram_bytes=NOTHING,
    power_w=NOTHING,
)


@pytest.fixture
def kept(tmp_path: Path) -> Traces:
    return Traces(DataFolder(tmp_path))


def files(folder: Path) -> list[os.DirEntry[str]]:
    return list(os.scandir(folder / "footprints"))


def test_what_is_kept_reads_back(kept: Traces) -> None:
    kept.keep(LLM, TRACE)

    assert kept.read(LLM) == TRACE


def test_the_book_need_not_know_the_fraction_of_the_second(kept: Traces) -> None:
    kept.keep(LLM, TRACE)

    assert kept.read(replace(LLM, measured_at=1_795_400_000.0)) == TRACE


def test_an_entry_of_another_time_or_host_has_no_trace(kept: Traces) -> None:
    kept.keep(LLM, TRACE)

    assert kept.read(replace(LLM, measured_at=1_795_400_001.0)) is None
    assert kept.read(replace(LLM, host="gpu02")) is None


def test_a_newer_run_takes_the_older_ones_file_and_the_oldest_go(
    kept: Traces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "MAX_FILES", 3)
    for number in range(5):
        for _ in range(2):
            kept.keep(replace(LLM, host=f"gpu{number}"), TRACE)
        os.utime(max(files(tmp_path), key=lambda file: file.stat().st_mtime), (number, number))

    assert [kept.read(replace(LLM, host=f"gpu{number}")) is not None for number in range(5)] == [False] * 2 + [True] * 3


def test_an_hour_at_ten_a_second_is_a_small_file(kept: Traces, tmp_path: Path) -> None:
    kept.keep(LLM, replace(TRACE, cpu_cores=curve(36_000), vram_bytes=curve(36_000), power_w=curve(36_000)))

    (file,) = files(tmp_path)
    assert file.stat().st_size < 100_000


def test_damage_is_said_with_what_to_do(kept: Traces, tmp_path: Path) -> None:
    kept.keep(LLM, TRACE)
    (file,) = files(tmp_path)
    Path(file.path).write_text("{}")

    with pytest.raises(StateError, match="delete it: only the plot is lost"):
        kept.read(LLM)
