"""Output of many hosts as prefixed lines."""

import pytest

from ozwald.cli.prefixed import LONGEST_LINE, PrefixedLines


def test_lines_come_whole_however_they_arrive(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PrefixedLines(["a", "bb"])
    lines.add("a", b"one\ntw")
    lines.add("bb", b"other\r\n")
    lines.add("a", b"o\n\nlast")
    lines.end("a")
    assert capsys.readouterr().out == "a  | one\nbb | other\na  | two\na  | \na  | last\n"


def test_the_two_streams_of_a_host_are_kept_apart(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PrefixedLines(["a"])
    lines.add("a", b"out")
    lines.add("a", b"err\n", is_error=True)
    lines.end("a")
    assert capsys.readouterr() == ("a | out\n", "a | err\n")


def test_a_line_without_end_does_not_fill_the_memory(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PrefixedLines(["a"])
    for _ in range(4):
        lines.add("a", b"x" * LONGEST_LINE)
    assert len(capsys.readouterr().out) > 3 * LONGEST_LINE


def test_what_a_terminal_would_obey_is_shown_as_an_escape(capsys: pytest.CaptureFixture[str]) -> None:
    lines = PrefixedLines(["a"])
    lines.add("a", b"\x1b[31mred\x07 caf\xc3\xa9 \xff\n")
    lines.note("a", "bad \x1b]0;title")
    assert capsys.readouterr() == ("a | \\x1b[31mred\\x07 café \\xff\n", "a ! bad \\x1b]0;title\n")
