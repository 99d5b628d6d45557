"""The history of the wanted set: bounded, whole, and damage to one generation hurts no other."""

import json
import os
from pathlib import Path

import pytest

from ozwald.errors import StateError
from ozwald.model.history import Author, ChangeKind, Generation, InstanceChange
from ozwald.state import history as module
from ozwald.state.history import History
from ozwald.state.home import DataFolder
from tests.builders import key, placed, request, wanted


def generation(number: int = 1) -> Generation:
    return Generation(
        number=number,
        at=1700000000.5,
        author=Author(owner="ann", command="ozwald apply 'chat[llm]'"),
        instances=wanted(placed("box1", "chat", service="llm", variety="nvidia"), request("web")).instances,
        changes=(
            InstanceChange(key=key("old"), kind=ChangeKind.REMOVED),
            InstanceChange(key=key("chat"), kind=ChangeKind.CHANGED, values={"profile": (None, "fast")}),
        ),
    )


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(DataFolder(tmp_path), "local")


def test_what_is_kept_is_read_back(history: History) -> None:
    history.keep(generation())

    assert history.read(1) == generation()
    assert history.numbers() == [1]


def test_there_is_none_before_the_first(history: History) -> None:
    assert history.numbers() == []
    assert history.read(1) is None


def test_each_provisioner_has_its_own(tmp_path: Path) -> None:
    History(DataFolder(tmp_path), "home").keep(generation())

    assert History(DataFolder(tmp_path), "work").numbers() == []


def test_only_the_last_are_kept(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_GENERATIONS", 3)

    for number in range(1, 12):
        history.keep(generation(number))

    assert history.numbers() == [11, 10, 9]


def test_they_take_a_bounded_place_but_the_last_is_always_kept(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.keep(generation())
    size = next(history.path.iterdir()).stat().st_size
    monkeypatch.setattr(module, "MAX_BYTES", 2 * size + 10)
    for number in range(2, 6):
        history.keep(generation(number))
    assert history.numbers() == [5, 4]

    monkeypatch.setattr(module, "MAX_BYTES", 1)
    history.keep(generation(6))

    assert history.numbers() == [6]


def test_what_was_written_down_but_never_wanted_is_not_told_and_is_written_over(history: History) -> None:
    history.keep(generation(7))

    assert history.numbers(until=6) == []
    history.keep(generation(7))
    assert history.numbers(until=7) == [7]


def test_other_files_are_no_generations(history: History) -> None:
    history.keep(generation())
    for name in ("x.json", "²3.json", "notes", "2.json.old", ".3.json.abc"):
        (history.path / name).write_text("")

    assert history.numbers() == [1]


def test_damage_is_told_with_its_file_and_hurts_no_other(history: History) -> None:
    history.keep(generation(1))
    history.keep(generation(2))
    (history.path / "1.json").write_text("{")

    with pytest.raises(StateError, match=r"1\.json is damaged .*delete it"):
        history.read(1)
    assert history.read(2) == generation(2)


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"null", b"[]", b"{}", b"[" * 100_000, b'{"schema": true}', b'{"schema": 1}']
)
def test_anything_else_is_damaged(history: History, content: bytes) -> None:
    history.keep(generation())
    (history.path / "1.json").write_bytes(content)

    with pytest.raises(StateError, match="1\\.json"):
        history.read(1)
    assert (history.path / "1.json").read_bytes() == content


def test_a_flipped_bit_is_noticed_or_changes_nothing(history: History) -> None:
    history.keep(generation())
    file = history.path / "1.json"
    whole = file.read_bytes()
    for position in range(0, len(whole), 3):
        flipped = bytearray(whole)
        flipped[position] ^= 1 << position % 8
        file.write_bytes(flipped)
        try:
            assert history.read(1) == generation()
        except StateError:
            continue


def test_a_newer_schema_is_named(history: History) -> None:
    history.keep(generation())
    (history.path / "1.json").write_text(json.dumps({"schema": 3}))

    with pytest.raises(StateError, match="has schema 3; this version reads 2"):
        history.read(1)


def test_a_folder_that_cannot_be_read_is_told(history: History) -> None:
    history.path.parent.mkdir(parents=True)
    os.symlink(history.path, history.path)

    with pytest.raises(StateError, match="cannot read"):
        history.numbers()
