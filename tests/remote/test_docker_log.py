"""A container's log taken apart: frames, terminals, moments, and what makes no sense."""

from collections.abc import Iterable

import pytest

from ozwald.remote.docker_log import COPIED_BYTES, WHOLE_BYTES, LogMessages
from ozwald.remote.engine import LogPiece

FIRST = b"2024-01-01T00:00:00.000000001Z "
SECOND = b"2024-01-01T00:00:00.250000000Z "
FIRST_NS = 1_704_067_200_000_000_001
SECOND_NS = 1_704_067_200_250_000_000


def frame(stream: int, message: bytes) -> bytes:
    return bytes([stream, 0, 0, 0]) + len(message).to_bytes(4, "big") + message


def in_pieces(content: bytes, size: int) -> Iterable[bytes]:
    return (content[start : start + size] for start in range(0, len(content), size))


def taken(content: bytes, size: int) -> list[LogPiece]:
    messages = LogMessages()
    return [piece for part in in_pieces(content, size) for piece in messages.feed(part)] + messages.end()


def joined(pieces: Iterable[LogPiece]) -> bytes:
    return b"".join(piece.content for piece in pieces)


@pytest.mark.parametrize("size", [1, 7, 8, 40, 10_000])
def test_messages_come_whole_with_stream_and_moment_however_they_arrive(size: int) -> None:
    content = frame(1, FIRST + b"one\n") + frame(2, SECOND + b"two\n") + frame(1, b"") + frame(1, SECOND + b"\n")

    assert taken(content, size) == [
        LogPiece(FIRST_NS, "stdout", b"one\n"),
        LogPiece(SECOND_NS, "stderr", b"two\n"),
        LogPiece(SECOND_NS, "stdout", b"\n"),
    ]


@pytest.mark.parametrize("size", [1, 9, 10_000])
def test_the_output_of_a_terminal_has_no_frames(size: int) -> None:
    content = FIRST + b"one\r\n" + SECOND + b"prompt> "

    assert taken(content, size) == [
        LogPiece(FIRST_NS, "stdout", b"one\r\n"),
        LogPiece(SECOND_NS, "stdout", b"prompt> "),
    ]


def test_a_long_line_of_a_terminal_has_no_moments_in_its_middle() -> None:
    long = b"x" * COPIED_BYTES
    content = FIRST + long + SECOND + b"end\n"

    assert joined(taken(content, 1000)) == long + b"end\n"


@pytest.mark.parametrize(
    "stamp",
    [b"2024-01-01T01:30:00.000000001+01:30 ", b"2023-12-31T22:00:00.000000001-02:00 "],
)
def test_moments_of_other_zones_count_from_the_same_epoch(stamp: bytes) -> None:
    assert taken(frame(1, stamp + b"x\n"), 100) == [LogPiece(FIRST_NS, "stdout", b"x\n")]


def test_a_moment_without_a_fraction_is_a_whole_second() -> None:
    (piece,) = taken(frame(1, b"2024-01-01T00:00:00Z x\n"), 100)

    assert (piece.at_ns, piece.content) == (FIRST_NS - 1, b"x\n")


def test_a_frame_as_large_as_it_may_say_is_passed_on_in_parts() -> None:
    length = WHOLE_BYTES * 4
    messages = LogMessages()
    begun = messages.feed(b"\1\0\0\0" + length.to_bytes(4, "big") + FIRST + b"x" * 50)
    further = messages.feed(b"y" * 1000)

    assert joined(begun) == b"x" * 50
    assert further == [LogPiece(FIRST_NS, "stdout", b"y" * 1000)]
    assert not messages._rest


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(frame(1, b"no moment\n"), id="no moment"),
        pytest.param(b"no moment at all, of a terminal\n" + b"x" * 20_000, id="no moment of a terminal"),
        pytest.param(frame(1, FIRST + b"x\n") + frame(7, FIRST + b"x\n"), id="unknown stream"),
        pytest.param(frame(3, b"Error grabbing logs: gone"), id="the engine's own error"),
        pytest.param(frame(1, b"2024-99-99T00:00:00.000000001Z x\n"), id="no date"),
    ],
)
def test_what_makes_no_sense_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        taken(content, 10_000)


def test_an_answer_that_breaks_off_within_a_message_is_no_end() -> None:
    with pytest.raises(EOFError):
        taken(frame(1, FIRST + b"one\n")[:-1], 100)
