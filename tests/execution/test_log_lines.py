"""Lines of logs: put together, put in order, and not read twice."""

from ozwald.execution.log_lines import LONGEST_LINE, Lines, LogLine, Position, Reorder
from ozwald.remote.command import Stream
from ozwald.remote.engine import LogPiece
from tests.builders import key


def piece(content: bytes, at_ns: int = 1, stream: Stream = "stdout") -> LogPiece:
    return LogPiece(at_ns, stream, content)


def line(at_ns: int, text: bytes = b"") -> LogLine:
    return LogLine(at_ns, key(), "box1", "stdout", text)


def texts(lines: list[LogLine]) -> list[bytes]:
    return [line.text for line in lines]


class TestLines:
    def test_parts_of_a_line_are_joined_stream_by_stream(self) -> None:
        lines = Lines(key(), "box1")
        made = lines.add([piece(b"on"), piece(b"err\n", stream="stderr"), piece(b"e\n", 2), piece(b"\n")])

        assert [(made.stream, made.text, made.is_part) for made in made] == [
            ("stderr", b"err", False),
            ("stdout", b"one", False),
            ("stdout", b"", False),
        ]

    def test_a_line_without_end_comes_in_parts_between_characters(self) -> None:
        lines = Lines(key(), "box1")
        content = "€".encode() * (LONGEST_LINE // 2)
        parts = [
            made for start in range(0, len(content), 16384) for made in lines.add([piece(content[start:][:16384])])
        ]
        rest = lines.end(1)

        assert all(len(part.text) <= LONGEST_LINE + 16384 and part.is_part for part in parts)
        assert "".join(text.decode() for text in texts(parts + rest)).encode() == content

    def test_bytes_that_are_no_text_come_in_parts_too(self) -> None:
        lines = Lines(key(), "box1")
        content = b"\x80" * LONGEST_LINE + b"\xff" * LONGEST_LINE

        assert b"".join(texts(lines.add([piece(content)]) + lines.end(1))) == content

    def test_what_was_never_ended_is_a_part(self) -> None:
        lines = Lines(key(), "box1")
        lines.add([piece(b"prompt> ")])

        assert [(made.at_ns, made.text, made.is_part) for made in lines.end(7)] == [(7, b"prompt> ", True)]
        assert lines.end(7) == []


class TestPosition:
    def test_reading_on_repeats_nothing_and_loses_nothing(self) -> None:
        position = Position()
        position.pass_by([piece(b"a", 1), piece(b"b", 2), piece(b"c", 2)])
        again = [piece(b"b", 2), piece(b"c", 2), piece(b"d", 2), piece(b"e", 3)]

        assert position.at_ns == 2
        assert [read.content for read in position.resumed().fresh(again)] == [b"d", b"e"]

    def test_messages_of_one_moment_may_come_in_several_reads(self) -> None:
        position = Position()
        position.pass_by([piece(b"a", 1), piece(b"b", 1)])
        resumed = position.resumed()

        assert list(resumed.fresh([piece(b"a", 1)])) == []
        assert list(resumed.fresh([piece(b"b", 1)])) == []
        assert len(resumed.fresh([piece(b"c", 1)])) == 1


class TestReorder:
    def test_lines_that_come_almost_together_leave_in_order(self) -> None:
        reorder = Reorder(0.1)
        reorder.add([line(3)], now=0.0)
        reorder.add([line(1), line(2)], now=0.05)

        assert reorder.take(0.09) == []
        assert [made.at_ns for made in reorder.take(0.1)] == [1, 2, 3]

    def test_no_line_is_kept_longer_than_the_window(self) -> None:
        reorder = Reorder(0.25)
        reorder.add([line(5)], now=0.0)
        reorder.add([line(9)], now=0.125)

        assert reorder.wait_s(0.125) == 0.125
        assert [made.at_ns for made in reorder.take(0.25)] == [5]
        assert reorder.wait_s(0.25) == 0.125
        assert [made.at_ns for made in reorder.take(0.375)] == [9]
        assert reorder.wait_s(0.375) is None

    def test_without_a_window_lines_leave_at_once(self) -> None:
        reorder = Reorder(0.0)
        reorder.add([line(2), line(3)], now=1.0)

        assert [made.at_ns for made in reorder.take(1.0)] == [2, 3]

    def test_too_many_bytes_leave_early(self) -> None:
        reorder = Reorder(10.0, most_bytes=100)
        reorder.add([line(number, b"x" * 30) for number in range(5)], now=0.0)

        assert [made.at_ns for made in reorder.take(0.0)] == [0, 1]
