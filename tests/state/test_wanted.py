"""The wanted set survives the disk, and damage to it is told and never guessed over."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from ozwald.errors import StateError
from ozwald.model.wanted import Adopted, OwedRestart, WantedSet
from ozwald.state.home import DataFolder
from ozwald.state.wanted import read_wanted, wanted_path, write_wanted
from tests.builders import key, placed, request, wanted

WANTED = wanted(
    placed("box1", "chat", service="llm", variety="nvidia", profile="fast", host="gpu*"),
    request("web", realm="lab"),
    generation=7,
    leaving={"old": "box2"},
)
WANTED = replace(
    WANTED,
    adopted=(Adopted(host="box1", container_id="c" * 64, controller="decaf"),),
    restarts=(OwedRestart(key=key("web"), host="box1", container_id="d" * 64, reason="asked for"),),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "local.json"
    write_wanted(file, WANTED)
    return file


def read_damaged(path: Path, content: bytes) -> WantedSet | None:
    """What a damaged file gives: StateError counts as None."""
    path.write_bytes(content)
    try:
        return read_wanted(path)
    except StateError:
        assert path.read_bytes() == content, "a damaged file is left as it is"
        return None


def test_what_was_written_is_read_back(path: Path) -> None:
    assert read_wanted(path) == WANTED


def test_nothing_was_ever_wanted_is_not_the_same_as_nothing_is_wanted(tmp_path: Path) -> None:
    assert read_wanted(tmp_path / "local.json") is None

    write_wanted(tmp_path / "local.json", wanted())

    assert read_wanted(tmp_path / "local.json") == wanted()


def test_each_provisioner_has_its_own(tmp_path: Path) -> None:
    home = DataFolder(tmp_path)
    home.folder("wanted")
    write_wanted(wanted_path(home, "home"), WANTED)

    assert read_wanted(wanted_path(home, "work")) is None
    assert read_wanted(wanted_path(home, "home")) == WANTED


def test_a_file_cut_off_anywhere_is_damaged(path: Path) -> None:
    whole = path.read_bytes()

    kept = [length for length in range(len(whole) - 1) if read_damaged(path, whole[:length]) is not None]

    assert kept == []


def test_a_flipped_bit_is_either_noticed_or_changes_nothing(path: Path) -> None:
    whole = path.read_bytes()

    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            assert read_damaged(path, bytes(flipped)) in (None, WANTED), f"byte {position}, bit {bit}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 512,
        b"\xff",
        b"null",
        b"1",
        b'"text"',
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"schema": 4}',
        b'{"schema": 4, "checksum": "", "content": {"generation": 1, "instances": null}}',
        b'{"schema": NaN}',
        b"1" * 5000,
    ],
)
def test_anything_else_is_damaged(path: Path, content: bytes) -> None:
    assert read_damaged(path, content) is None


def sealed(**changes: object) -> bytes:
    """A file with the right checksum over whatever it holds."""
    instance = {"realm": "r", "name": "n", "service": "s", "variety": None, "profile": None, "host": None}
    content = {"generation": 1, "instances": [{**instance, "placed_on": None, "persistent": False}]}
    content |= {"leaving": [], "adopted": [], "restarts": []} | changes
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    checksum = hashlib.sha256(text.encode()).hexdigest()
    return json.dumps({"schema": 4, "checksum": checksum, "content": content}).encode()


def test_a_right_checksum_over_what_fits_is_read(path: Path) -> None:
    assert read_damaged(path, sealed()) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"generation": "1"},
        {"generation": True},
        {"generation": 1.5},
        {"instances": {}},
        {"instances": "text"},
        {"instances": [[]]},
        {"instances": [{"name": "n"}]},
        {"instances": [{"realm": 1, "name": "n", "service": "s", "placed_on": None, "persistent": False}]},
        {"instances": [{"realm": "r", "name": "n", "service": {}, "placed_on": None, "persistent": False}]},
        {"instances": [{"realm": "r", "name": "n", "service": "s", "placed_on": None}]},
        {"instances": [{"realm": "r", "name": "n", "service": "s", "placed_on": None, "persistent": "no"}]},
        {"leaving": [{"realm": "r", "name": "n", "host": 7}]},
        {"leaving": [{"realm": "r"}]},
        {"leaving": None},
        {"adopted": [{"host": "h"}]},
        {"adopted": [{"host": "h", "container_id": 7, "controller": "c"}]},
        {"restarts": [{"realm": "r", "name": "n", "host": "h"}]},
        {"restarts": [{"realm": "r", "name": "n", "host": "h", "container_id": "c", "reason": 7}]},
        {"restarts": {}},
    ],
)
def test_a_right_checksum_over_wrong_types_is_damage(path: Path, changes: dict[str, object]) -> None:
    assert read_damaged(path, sealed(**changes)) is None


def test_damage_is_told_with_what_to_do(path: Path) -> None:
    path.write_text(path.read_text().replace("chat", "chit"))

    with pytest.raises(StateError, match=r"is damaged .*move it away, then see ozwald history"):
        read_wanted(path)


def test_a_newer_schema_is_refused_and_kept(path: Path) -> None:
    newer = json.dumps({"schema": 5, "anything": "else"})
    path.write_text(newer)

    with pytest.raises(StateError, match=r"has schema 5; this version reads 4: use the version that wrote it"):
        read_wanted(path)

    assert path.read_text() == newer
