"""Environment files follow Compose."""

from pathlib import Path

import pytest

from ozwald.config.dotenv import parse_dotenv
from ozwald.config.files import Source
from ozwald.config.load import environment
from ozwald.config.problems import RefusedError
from ozwald.errors import SettingsError


def parse(text: str, *, raw: bool = False, **environ: str) -> dict[str, str | None]:
    found = parse_dotenv(Source(file=".env", text=text), environ, raw=raw)
    return {key: entry.value for key, entry in found.items()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A=1", {"A": "1"}),
        ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("# note\n\n  A = 1 \n", {"A": "1"}),
        ("export A=1", {"A": "1"}),
        ("A: yes", {"A": "yes"}),
        ("A=", {"A": ""}),
        ("A", {"A": None}),
        ("A\nB=1", {"A": None, "B": "1"}),
        ("A=1\nA\nB\nB=2\nHOME=1\nHOME", {"A": "1", "B": "2", "HOME": None}),
        ("A=b # note", {"A": "b"}),
        ("A=b#c", {"A": "b#c"}),
        ("A=#note", {"A": "#note"}),
        ("A= # note", {"A": "# note"}),
        ("A=b\t# no note", {"A": "b\t# no note"}),
        ("A-B.c[0]=1", {"A-B.c[0]": "1"}),
        ('A="\\a\\v\\0101\\x"', {"A": "\a\vA\\x"}),
        ('A="1\r\n2"\r\nB=3\r\n', {"A": "1\r\n2", "B": "3"}),
        ("A='it $HOME # x'", {"A": "it $HOME # x"}),
        ("A=\"x\\ny\\t'$HOME'\" # note", {"A": "x\ny\t'/h'"}),
        ('A="\\$HOME"', {"A": "$HOME"}),
        ('A="two\nlines"\nB=1', {"A": "two\nlines", "B": "1"}),
        ("A=1\nB=${A}2", {"A": "1", "B": "12"}),
        ("HOME=x\nB=$HOME", {"HOME": "x", "B": "/h"}),
        ("A=${GONE:-d}", {"A": "d"}),
        ("A=x=y", {"A": "x=y"}),
        ("  # only a note", {}),
        ("", {}),
    ],
)
def test_lines_are_read(text: str, expected: dict[str, str | None]) -> None:
    assert parse(text, HOME="/h") == expected


@pytest.mark.parametrize("raw", [False, True])
def test_each_variable_has_its_line(raw: bool) -> None:
    text = "# note\r\n\nA=1\n  # note\nB=2\n\n\nC=3"
    found = parse_dotenv(Source(file=".env", text=text.replace("\r", "")), {}, raw=raw)
    assert {key: entry.line for key, entry in found.items()} == {"A": 3, "B": 5, "C": 8}


def test_the_line_behind_a_value_of_several_lines_is_right() -> None:
    found = parse_dotenv(Source(file=".env", text='A="x\n\ny" # note\nB=1\n'), {})
    assert [entry.line for entry in found.values()] == [1, 4]


def test_raw_values_stay_as_they_are() -> None:
    assert parse("A='$X' # y\r\n#c\nB", raw=True) == {"A": "'$X' # y", "B": None}


@pytest.mark.parametrize(("text", "line"), [("A=1\nB C=2", 2), ("=1", 1), ("export A=1", 1), ("A: 1", 1)])
def test_a_raw_line_is_a_key_and_a_value(text: str, line: int) -> None:
    with pytest.raises(RefusedError, match="not a line of the form") as caught:
        parse(text, raw=True)
    assert caught.value.origin.line == line


def test_values_see_the_files_above_under_the_environment() -> None:
    source = Source(file="b.env", text="A=$X$Y\nX=own\nB=$X\n")
    found = parse_dotenv(source, {"Y": "environment"}, above={"X": "above", "Y": "above"})
    assert {key: entry.value for key, entry in found.items()} == {"A": "aboveenvironment", "X": "own", "B": "own"}


@pytest.mark.parametrize(
    ("text", "line", "column"),
    [
        ("A=1\n=2", 2, 1),
        ("A B=1", 1, 1),
        ("A #c", 1, 1),
        ("A/B=1", 1, 1),
        ("A='x", 1, 1),
        ("A='x' y", 1, 1),
        ("A=1\nB=${5}", 2, 1),
    ],
)
def test_a_bad_line_is_named_with_its_place(text: str, line: int, column: int) -> None:
    with pytest.raises(RefusedError) as caught:
        parse(text)
    assert (caught.value.origin.line, caught.value.origin.column) == (line, column)


def test_the_real_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=file\nB=file\nC\n")
    assert environment(tmp_path, {"A": "real"}) == {"A": "real", "B": "file"}


def test_a_folder_called_env_is_no_file(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    assert environment(tmp_path, {"A": "real"}) == {"A": "real"}


def test_a_bad_environment_file_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A='secret")
    with pytest.raises(SettingsError, match=r"^\.env:1:1: a quote is opened and never closed$"):
        environment(tmp_path, {})
