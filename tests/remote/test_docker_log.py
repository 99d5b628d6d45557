"""A container's log taken apart: frames, terminals, moments, and what makes no sense."""

import socket
import time
from collections.abc import Iterable
from email.utils import formatdate

import pytest

from ozwald.errors import EngineError, Failure
from ozwald.remote.docker_log import COPIED_BYTES, WHOLE_BYTES, DockerLog, LogMessages
from ozwald.remote.engine import LogPiece
from ozwald.remote.local import _SocketPipe

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


def stamped(at_s: float, text: bytes) -> bytes:
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_s)).encode()
    return frame(1, moment + b".000000000Z " + text)


def answered(answer: bytes, *, wait: bool = False, hang_up: bool = True) -> DockerLog:
    """A log that the engine has answered with these bytes."""
    ours, theirs = socket.socketpair()
    log = DockerLog("box1", _SocketPipe(ours), wait=wait)
    theirs.sendall(answer)
    if hang_up:
        theirs.shutdown(socket.SHUT_WR)
    log.start("/logs")
    assert theirs.recv(4096).startswith(b"GET /logs HTTP/1.0\r\n")
    return log


def head(**headers: str) -> bytes:
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.0 200 OK\r\n{lines}\r\n".encode()


def test_what_is_written_after_it_was_asked_for_does_not_keep_it_from_ending() -> None:
    now = time.time()
    log = answered(head(Date=formatdate(now, usegmt=True)) + stamped(now - 5, b"old\n"), hang_up=False)
    assert joined(log.read()) == b"old\n"

    live = answered(head(Date=formatdate(now, usegmt=True)) + stamped(now + 1.5, b"new\n"), hang_up=False)
    assert joined(live.read()) == b"new\n"
    assert live.read() == ()


def test_moments_of_a_clock_that_was_wrong_do_not_end_it() -> None:
    now = time.time()
    log = answered(head(Date=formatdate(now, usegmt=True)) + stamped(now + 86400, b"x\n"))

    assert joined(log.read()) == b"x\n"
    log._messages.feed(b"")
    assert not log._is_past_end()
    assert list(log.read()) == []


def test_a_followed_log_has_no_such_end() -> None:
    now = time.time()
    log = answered(head(Date=formatdate(now, usegmt=True)) + stamped(now + 1.5, b"new\n"), wait=True)

    assert joined(log.read()) == b"new\n"
    assert not log._is_past_end()


def test_what_the_engine_refuses_is_told_with_its_status() -> None:
    refusal = b'HTTP/1.0 501 Not Implemented\r\n\r\n{"message": "configured logging driver does not support reading"}'
    with pytest.raises(EngineError, match="does not support reading") as error:
        answered(refusal)

    assert (error.value.status, error.value.failure) == (501, Failure.TERMINAL)


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", head(Transfer_Encoding="chunked"), b"HTTP/1.0 200"])
def test_an_answer_of_another_kind_is_broken(answer: bytes) -> None:
    with pytest.raises(EngineError, match="reading a container's log: the answer broke off"):
        answered(answer)


def test_garbage_in_the_log_is_an_error_and_not_an_end() -> None:
    log = answered(head() + frame(1, FIRST + b"one\n") + frame(9, FIRST + b"x"))

    assert joined(log.read()) == b"one\n"
    with pytest.raises(EngineError, match="there is no stream 9"):
        log.read()


def test_a_closed_log_has_ended() -> None:
    log = answered(head(), wait=True, hang_up=False)
    log.close()

    assert log.read() == ()
