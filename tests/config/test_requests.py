"""Lists of wanted instances come from files and from standard input."""

import io
from pathlib import Path

import pytest

from ozwald.config.files import MAX_FILE_BYTES
from ozwald.config.requests import read_requests
from ozwald.errors import SettingsError
from ozwald.model.request import WrittenRequest


def given(content: bytes) -> list[str | WrittenRequest]:
    return read_requests(Path("-"), given=io.BytesIO(content))


def test_entries_are_specs_or_their_parts(tmp_path: Path) -> None:
    file = tmp_path / "wanted.yml"
    file.write_text("- chat[llm]\n- {name: web, host: box1}\n")

    assert read_requests(file) == ["chat[llm]", WrittenRequest(name="web", host="box1")]


def test_a_dash_is_standard_input() -> None:
    assert given(b'["chat[llm]"]') == ["chat[llm]"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "standard input: is empty"),
        (b"- {nam: web}", "standard input:1:4: "),
        (b"\xff", "standard input:1:1: is not UTF-8"),
        (b" " * (MAX_FILE_BYTES + 1), "standard input: is larger than 4 MiB"),
    ],
    ids=("nothing", "unknown key", "bytes", "too much"),
)
def test_what_is_wrong_with_standard_input_has_its_place(content: bytes, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        given(content)


def test_without_standard_input_a_dash_is_a_files_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").write_text("[a]")

    assert read_requests(Path("-")) == ["a"]
