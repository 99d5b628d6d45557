"""The book of footprints is read as people write it, and written so that it reads back."""

import re
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ozwald.config.footprint_book import book_text, read_book
from ozwald.config.schema_files import FOOTPRINTS, load_schema
from ozwald.errors import SettingsError
from ozwald.model.footprint import Combination, Footprint, Phase, Span, Usage, VramSource

GIB = 1024**3
OLDER = """\
- service_name: qwen
  realm: default
  profile: fast-gpu
  variety: nvidia
  usage: {cpu_cores: 1.5, memory_gb: 4, vram_gb: 13.5}
"""
WHOLE = Footprint(
    combination=Combination(realm="lab", service="qwen", variety="nvidia", profile="fast"),
    usage=Usage(cpu_cores=3.25, memory_bytes=4 * GIB, vram_bytes=13 * GIB),
    host="gpu01",
    image="vllm:1",
    image_digest="sha256:abc",
    image_bytes=8 * GIB,
    cards=("NVIDIA L4", "NVIDIA L4"),
    driver="550.54",
    steady=Usage(cpu_cores=0.5, memory_bytes=3 * GIB, vram_bytes=13 * GIB),
    spread=Usage(cpu_cores=0.25, memory_bytes=0, vram_bytes=0),
    vram_source=VramSource.PROCESSES,
    cache_bytes=9 * GIB,
    kernel_peak_bytes=13 * GIB,
    read_while_loading_bytes=7 * GIB,
    power_w=71.5,
    ready_after_s=48.25,
    samples=412,
    gap_s=1.5,
    phases=tuple(Span(phase=phase, begun_at_s=number * 2.5, duration_s=2.5) for number, phase in enumerate(Phase)),
    measured_at=1_795_400_000.0,
    script_exit_code=0,
)


def read(folder: Path, text: str) -> tuple[Footprint, ...]:
    (folder / "book.yml").write_text(text)
    return read_book(folder / "book.yml")


def refusal(folder: Path, text: str) -> str:
    with pytest.raises(SettingsError) as caught:
        read(folder, text)
    return str(caught.value).replace(str(folder) + "/", "")


class TestReading:
    def test_an_older_list_has_only_the_peaks(self, tmp_path: Path) -> None:
        (footprint,) = read(tmp_path, OLDER)

        assert str(footprint.combination) == "qwen[nvidia][fast-gpu]"
        assert footprint.usage == Usage(cpu_cores=1.5, memory_bytes=4 * GIB, vram_bytes=27 * GIB // 2)
        assert {getattr(footprint, one.name) for one in fields(footprint)[2:]} == {None, ()}

    @pytest.mark.parametrize("text", ["", "[]", "# nothing yet\n", "null"])
    def test_a_book_may_be_empty(self, tmp_path: Path, text: str) -> None:
        assert read(tmp_path, text) == ()

    def test_a_book_that_is_not_there_is_empty(self, tmp_path: Path) -> None:
        assert read_book(tmp_path / "gone.yml") == ()

    def test_what_is_left_out_is_none_of_it(self, tmp_path: Path) -> None:
        (footprint,) = read(
            tmp_path, "- {service_name: web, profile: , variety: '', usage: {cpu_cores: 0, memory_gb: 0}}"
        )

        assert footprint.combination == Combination(realm="default", service="web")
        assert footprint.usage.vram_bytes is None

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            ("a: 1", "book.yml:1:1: must be a list, not a map"),
            ("- qwen", "book.yml:1:3: [0]: must be a map, not text"),
            ("- {usage: {cpu_cores: 1, memory_gb: 1}}", "[0]: the key 'service_name' is missing"),
            ("- {service_name: a}", "book.yml:1:3: [0]: the key 'usage' is missing"),
            (f"{OLDER}  hots: gpu01\n", "book.yml:6:3: [0]: the key 'hots' is not known; did you mean 'host'?"),
            (OLDER.replace("13.5", "-1"), "[0].usage.vram_gb: must be at least 0"),
            (OLDER.replace("13.5", ".nan"), "[0].usage.vram_gb: must be"),
            (OLDER.replace("13.5", "much"), "[0].usage.vram_gb: must be a number, not text"),
            (OLDER.replace("13.5", "1e30"), "[0].usage.vram_gb: must be at most 1000000000"),
            (OLDER.replace("qwen", "../qwen"), "[0].service_name: a name has letters"),
            (f"{OLDER}  measured_at: yesterday\n", "[0].measured_at: must be a time as in 2026-11-23T02:00:00Z"),
            (f"{OLDER}  measured_at: 2026-02-30T00:00:00Z\n", "[0].measured_at: there is no such time"),
            (OLDER * 2, "book.yml:6:3: the same service, host and cards stand in line 1; keep one of the two"),
        ],
    )
    def test_what_is_wrong_is_said_with_its_place(self, tmp_path: Path, text: str, sentence: str) -> None:
        assert sentence in refusal(tmp_path, text)

    def test_an_entry_of_a_newer_ozwald_is_not_guessed_at(self, tmp_path: Path) -> None:
        newer = f"{OLDER}  schema: 2\n  tomorrow: {{a: 1}}\n"

        assert (
            refusal(tmp_path, newer)
            == "book.yml:6:11: the entry's schema is newer than 1; use the Ozwald that wrote it"
        )

    def test_a_large_book_is_read_soon(self, tmp_path: Path) -> None:
        text = book_text(replace(WHOLE, host=f"gpu{number}") for number in range(2000))
        began = time.process_time()

        assert len(read(tmp_path, text)) == 2000
        assert time.process_time() - began < 4


class TestWriting:
    def test_everything_reads_back(self, tmp_path: Path) -> None:
        assert read(tmp_path, book_text([WHOLE])) == (WHOLE,)

    def test_nothing_but_the_peaks_reads_back(self, tmp_path: Path) -> None:
        bare = Footprint(combination=Combination(realm="default", service="web"), usage=WHOLE.usage)

        assert read(tmp_path, book_text([bare, WHOLE])) == (bare, WHOLE)

    @pytest.mark.parametrize("size", [0, 4096, 105 * 1024, 10 * 1024**2, GIB - 1, 3 * GIB + 7, 640 * GIB + 12345678])
    def test_sizes_keep_their_digits(self, tmp_path: Path, size: int) -> None:
        (footprint,) = read(tmp_path, book_text([replace(WHOLE, image_bytes=size)]))

        assert footprint.image_bytes == pytest.approx(size, rel=0.0005)

    def test_the_first_five_keys_are_those_of_older_lists(self) -> None:
        (entry,) = yaml.safe_load(book_text([WHOLE]))

        assert list(entry)[:5] == ["service_name", "realm", "profile", "variety", "usage"]
        assert entry["usage"] == {"cpu_cores": 3.25, "memory_gb": 4.0, "vram_gb": 13.0}

    def test_what_is_written_has_every_key_of_the_schema(self) -> None:
        (entry,) = yaml.safe_load(book_text([WHOLE]))

        assert set(entry) == set(load_schema(FOOTPRINTS)["items"]["properties"])

    @settings(deadline=None)
    @given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20))
    def test_any_text_reads_back(self, word: str) -> None:
        text = book_text([replace(WHOLE, host=word, image=word, cards=(word,))])
        (entry,) = yaml.safe_load(text)

        assert (entry["host"], entry["image"], entry["cards"]) == (word, word, [word])

    @pytest.mark.parametrize(
        "word", ["no", "22:22", "1.10", "0o17", "1e5", "null", "~", "", " a ", "a: b", "#", "{", "é"]
    )
    def test_words_that_look_like_something_else_stay_words(self, tmp_path: Path, word: str) -> None:
        (footprint,) = read(tmp_path, book_text([replace(WHOLE, host=word, driver=word)]))

        assert (footprint.host, footprint.driver) == (word, word)


def objects(part: Any) -> list[dict[str, Any]]:
    """Every part of a schema that has properties."""
    if not isinstance(part, dict):
        return []
    below = [found for value in part.values() for found in objects(value)]
    return [part["properties"], *below] if isinstance(part.get("properties"), dict) else below


def test_each_key_has_a_description_and_an_example_that_fits() -> None:
    schema = load_schema(FOOTPRINTS)
    Draft202012Validator.check_schema(schema)
    for properties in objects(schema):
        for part in properties.values():
            assert part["description"].endswith(".")
            Draft202012Validator(part).validate(part["examples"][0])


def test_the_documentation_lists_every_key_with_its_meaning() -> None:
    properties = load_schema(FOOTPRINTS)["items"]["properties"]
    inner = {f"usage.{key}": part for key, part in properties["usage"]["properties"].items()}
    page = (Path(__file__).parents[2] / "docs" / "footprints.md").read_text()
    section = page.partition("\n## The book\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `([a-z_.]+)` \| (.+) \|$", section, re.MULTILINE))

    assert rows == {key: part["description"] for key, part in (properties | inner).items()}


def test_the_book_has_everything_that_a_footprint_has() -> None:
    names = {one.name.replace("_bytes", "_gb") for one in fields(Footprint)} - {"combination"}

    assert names <= load_schema(FOOTPRINTS)["items"]["properties"].keys()
