"""The book of footprints is whole, whoever writes it, and nothing in it is lost."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from ozwald.config.footprint_book import read_book
from ozwald.errors import RequestError, SettingsError, StateError
from ozwald.model.footprint import Combination, Footprint, Usage
from ozwald.state.footprint_book import book_path, check, record

LLM = Footprint(
    combination=Combination(realm="default", service="llm"),
    usage=Usage(cpu_cores=1.0, memory_bytes=1024**3),
    host="gpu01",
    cards=("NVIDIA L4",),
)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "footprints.yml"


def on(host: str, cores: float = 1.0) -> Footprint:
    return replace(LLM, host=host, usage=replace(LLM.usage, cpu_cores=cores))


class TestRecording:
    def test_the_first_measurement_makes_the_book_and_its_folder(self, book: Path) -> None:
        record(book, LLM)

        assert read_book(book) == (LLM,)

    def test_a_newer_measurement_takes_the_older_ones_place(self, book: Path) -> None:
        for measured in (on("a"), on("b"), on("a", cores=7.0)):
            record(book, measured)

        assert read_book(book) == (on("a", cores=7.0), on("b"))

    def test_other_cards_and_other_profiles_are_entries_of_their_own(self, book: Path) -> None:
        others = (replace(LLM, cards=("NVIDIA H100",)), replace(LLM, combination=replace(LLM.combination, profile="p")))
        for measured in (LLM, *others):
            record(book, measured)

        assert read_book(book) == (LLM, *others)

    def test_older_entries_stay(self, book: Path) -> None:
        book.parent.mkdir()
        book.write_text("- {service_name: llm, usage: {cpu_cores: 2, memory_gb: 1, vram_gb: 0}}\n")
        record(book, LLM)

        older, newer = read_book(book)
        assert (older.host, newer) == (None, LLM)

    @pytest.mark.parametrize("entry", ["service_name: llm\n", "- {service_name: llm, schema: 2}\n", "- [\n"])
    def test_what_is_not_understood_is_never_written_over(self, book: Path, entry: str) -> None:
        book.parent.mkdir()
        book.write_text(entry)

        with pytest.raises(SettingsError, match=r"footprints\.yml:"):
            record(book, LLM)
        assert book.read_text() == entry

    def test_processes_that_add_at_once_lose_nothing(self, book: Path) -> None:
        children = []
        for number in range(6):
            child = os.fork()
            if child == 0:
                for which in range(5):
                    record(book, on(f"gpu{number}-{which}"))
                os._exit(0)
            children.append(child)

        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 6
        assert {footprint.host for footprint in read_book(book)} == {f"gpu{n}-{m}" for n in range(6) for m in range(5)}

    def test_who_may_read_it_stays_as_it_was(self, book: Path) -> None:
        record(book, LLM)
        assert stat.S_IMODE(book.stat().st_mode) == 0o644
        book.chmod(0o640)
        record(book, on("b"))

        assert stat.S_IMODE(book.stat().st_mode) == 0o640

    def test_a_link_to_the_book_stays_a_link(self, book: Path, tmp_path: Path) -> None:
        link = tmp_path / "link.yml"
        link.symlink_to(book)
        record(link, LLM)

        assert link.is_symlink()
        assert read_book(book) == (LLM,)

    def test_what_a_killed_write_left_is_swept(self, book: Path) -> None:
        record(book, LLM)
        (book.parent / ".footprints.yml.abcdefgh").touch()
        record(book, LLM)

        assert sorted(os.listdir(book.parent)) == [".footprints.yml.lock", "footprints.yml"]


class TestChecking:
    def test_a_book_that_can_take_a_measurement_passes_and_stays_as_it_is(self, book: Path) -> None:
        check(book)
        assert not book.exists()
        record(book, LLM)
        written = book.read_text()
        check(book)

        assert book.read_text() == written

    def test_one_that_is_not_understood_does_not(self, book: Path) -> None:
        book.parent.mkdir()
        book.write_text("- {service_name: llm, schema: 2}\n")

        with pytest.raises(SettingsError, match="newer"):
            check(book)

    def test_nor_does_one_in_what_is_no_folder(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()

        with pytest.raises(StateError, match="set OZWALD_FOOTPRINT_DATA"):
            check(tmp_path / "file" / "book.yml")


class TestPath:
    def test_it_is_taken_from_the_working_directory_on(self, tmp_path: Path) -> None:
        assert book_path({"OZWALD_FOOTPRINT_DATA": "a/b.yml"}, tmp_path) == tmp_path / "a" / "b.yml"
        assert book_path({"OZWALD_FOOTPRINT_DATA": "/a/b.yml"}, tmp_path) == Path("/a/b.yml")

    @pytest.mark.parametrize("environ", [{}, {"OZWALD_FOOTPRINT_DATA": ""}])
    def test_without_the_variable_the_error_says_what_to_set(self, environ: dict[str, str], tmp_path: Path) -> None:
        with pytest.raises(RequestError, match=r"export OZWALD_FOOTPRINT_DATA=footprints\.yml"):
            book_path(environ, tmp_path)
