"""Lines of logs as they are shown."""

import json

import pytest

from ozwald.cli.log_view import JsonView, PlainView, PrefixedView, moment
from ozwald.errors import RequestError
from ozwald.execution.log_lines import LogLine
from ozwald.planning.moments import since_ns
from ozwald.remote.command import Stream
from tests.builders import key

AT_NS = 1_704_067_200_250_000_001
STAMP = "2024-01-01T00:00:00.250000001Z"


def line(text: bytes, name: str = "llm", stream: Stream = "stdout", is_part: bool = False) -> LogLine:
    return LogLine(AT_NS, key(name), "box1", stream, text, is_part)


def test_one_instance_is_shown_as_it_is(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    PlainView(timestamps=False).show([line(b"a\xff\x1b[1m"), line(b"more "), line(b"end", is_part=True)])

    assert capfdbinary.readouterr().out == b"a\xff\x1b[1m\nmore \nend"


def test_a_line_in_parts_has_one_moment(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    view = PlainView(timestamps=True)
    view.show([line(b"one ", is_part=True)])
    view.show([line(b"line"), line(b"next")])

    assert capfdbinary.readouterr().out.decode() == f"{STAMP} one line\n{STAMP} next\n"


def test_several_instances_have_their_names_on_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    view = PrefixedView([key("a"), key("bb")], timestamps=False)
    view.show([line(b"one", "a"), line(b"\x1b[2J", "bb", "stderr"), line(b"two", "a")])
    view.note(key("a"), "gone")

    assert capsys.readouterr() == ("a  | one\nbb | \\x1b[2J\na  | two\n", "a  ! gone\n")


def test_json_has_one_object_for_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    JsonView().show([line(b"caf\xc3\xa9 \x9b"), line(b"\xff", stream="stderr", is_part=True)])

    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    place = {"time": STAMP, "instance": "llm", "host": "box1"}
    assert second == {**place, "stream": "stderr", "text": None, "text_base64": "/w==", "partial": True}
    assert (first["text"], first["text_base64"]) == (None, "Y2Fmw6kgmw==")


def test_json_holds_nothing_that_a_terminal_obeys(capsys: pytest.CaptureFixture[str]) -> None:
    JsonView().show([line("\x1b[2J\u202e\x9b".encode())])

    shown = capsys.readouterr().out
    assert not set(shown) & set("\x1b\u202e\x9b")
    assert json.loads(shown)["text"] == "\x1b[2J\u202e\x9b"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", (1_000_000 - 600) * 10**9),
        ("2h30m", (1_000_000 - 9000) * 10**9),
        ("90", (1_000_000 - 90) * 10**9),
        ("100d", 0),
        ("2024-01-01T00:00:00.25Z", 1_704_067_200_250_000_000),
        ("2024-01-01T02:00:00+02:00", 1_704_067_200_000_000_000),
        ("0001-01-01T00:00:00Z", 0),
    ],
)
def test_since_is_a_duration_or_a_moment(text: str, expected: int) -> None:
    assert since_ns(text, now=1_000_000.0) == expected


@pytest.mark.parametrize("text", ["", "yesterday", "-5m", "10 m", "2024-13-01T00:00:00Z"])
def test_another_since_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="10m, 2h30m"):
        since_ns(text, now=1_000_000.0)


def test_a_moment_is_shown_with_all_its_digits() -> None:
    assert moment(AT_NS) == STAMP
