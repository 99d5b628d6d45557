"""The sampler itself: against a pipe that a test plays, against this machine, and the fake held to the same."""

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from ozwald.errors import ConnectionFailed, Failure
from ozwald.model.host import Connection, Host
from ozwald.model.sample import ContainerSample, Sample
from ozwald.remote.local import LocalConnection
from ozwald.remote.pipes import LinkLostError
from ozwald.remote.sampler import HostSampler, Sampler, open_sampler
from tests.fakes.sampler import FakeSampler
from tests.waiting import eventually

ID = "c" * 64
MARK = "mark"


def here() -> LocalConnection:
    return LocalConnection(Host(name="here", address="127.0.0.1", connection=Connection.LOCAL))


@pytest.fixture(params=["fake", "real"])
def sampler(request: pytest.FixtureRequest) -> Iterator[Sampler]:
    made: Sampler
    if request.param == "fake":
        made = FakeSampler(Sample(at_s=n / 10, containers={ID: ContainerSample()}) for n in range(10**6))
    else:
        made = open_sampler(here(), rate_hz=50)
    with made:
        yield made


class TestSampler:
    def test_samples_come_one_after_the_other(self, sampler: Sampler) -> None:
        moments = [sampler.read().at_s for _ in range(5)]

        assert moments == sorted(moments)

    def test_a_container_is_sampled_while_it_is_watched(self, sampler: Sampler) -> None:
        sampler.read()
        sampler.watch(ID, os.getpid())
        assert eventually(lambda: ID in sampler.read().containers)

        sampler.unwatch(ID)
        assert eventually(lambda: ID not in sampler.read().containers)
        sampler.unwatch(ID)
        sampler.read()

    def test_a_closed_sampler_gives_no_samples(self, sampler: Sampler) -> None:
        sampler.read()
        sampler.close()

        error = refusal_of(sampler)
        assert "closed" in error.message
        assert error.failure is Failure.RETRYABLE


class Played:
    """A pipe whose other end a test plays; `answer` makes what comes back of what was sent."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.sent: list[bytes] = []
        self.is_closed = False
        self.error: Exception | None = None
        self._answer = answer
        self._waiting = b""
        self._changed = threading.Condition()

    def recv(self, size: int, timeout_s: float | None) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self.error or self.is_closed, timeout_s)
            if self.error is not None:
                raise self.error
            if not self._waiting and not self.is_closed:
                raise TimeoutError
            taken, self._waiting = self._waiting[:size], self._waiting[size:]
            return taken

    def send(self, content: bytes, timeout_s: float | None) -> None:
        with self._changed:
            self.sent.append(content)
            self._waiting += self._answer(content)
            self._changed.notify_all()

    def breaks(self, error: Exception) -> None:
        with self._changed:
            self.error = error
            self._changed.notify_all()

    def close_write(self) -> None:
        return

    def is_idle(self) -> bool:
        return True

    def close(self) -> None:
        with self._changed:
            self.is_closed = True
            self._changed.notify_all()


class Answers:
    """A script that answers every tick, `times` over."""

    def __init__(self, times: int = 1) -> None:
        self._times = times
        self._ticks = 0

    def __call__(self, content: bytes) -> bytes:
        if content.startswith(b"#"):
            return f"ozwald-sampler {MARK}\n".encode()
        self._ticks += 1
        return f"tick {self._ticks}.00\nend\n".encode() * self._times


class Chatter(Answers):
    """A script that answers with more and more of something else."""

    def __call__(self, content: bytes) -> bytes:
        return super().__call__(content) if content.startswith(b"#") else b"garbage\n" * 7_500


def playing(pipe: Played, *, rate_hz: float = 200) -> HostSampler:
    return HostSampler("box1", pipe, MARK, rate_hz=rate_hz, cards_every_s=1)


def refusal_of(sampler: Sampler) -> ConnectionFailed:
    """Why it gives no more samples, once those that wait are read."""
    try:
        while True:
            sampler.read(5)
    except ConnectionFailed as error:
        return error


def test_what_nobody_reads_is_dropped_at_the_old_end() -> None:
    pipe = Played(Answers())
    with playing(pipe, rate_hz=1000) as sampler:
        sampler._waiting = type(sampler._waiting)(maxlen=10)
        assert eventually(lambda: len(pipe.sent) > 50)

        first = sampler.read().at_s

    assert first > 20


def test_a_host_that_does_not_answer_is_not_asked_on_and_on() -> None:
    pipe = Played(lambda content: Answers()(content) if content.startswith(b"#") else b"")
    with playing(pipe, rate_hz=50) as sampler:
        assert eventually(lambda: len(pipe.sent) > 100)
        count = len(pipe.sent)
        with pytest.raises(ConnectionFailed, match=r"no sample came within 0\.2 s") as error:
            sampler.read(0.2)

    assert (len(pipe.sent), error.value.failure) == (count, Failure.RETRYABLE)


def test_a_lost_link_is_said_with_its_reason() -> None:
    pipe = Played(Answers())
    with playing(pipe) as sampler:
        sampler.read()
        pipe.breaks(LinkLostError("the connection was lost (it hung up)"))

        error = refusal_of(sampler)

    assert (error.message, error.failure) == (
        "the connection was lost (it hung up) while it was sampled",
        Failure.RETRYABLE,
    )


def test_a_host_that_cannot_run_the_script_says_why() -> None:
    pipe = Played(lambda content: b"This account is currently not available.\n")
    sampler = playing(pipe)
    assert eventually(lambda: bool(pipe.sent))
    pipe.close()

    error = refusal_of(sampler)
    sampler.close()

    assert "did not run the sampler and said: This account is currently not available." in error.message
    assert error.failure is Failure.TERMINAL


def test_a_script_that_was_ended_on_the_host_can_be_started_again() -> None:
    pipe = Played(Answers())
    sampler = playing(pipe)
    sampler.read()
    pipe.close()

    assert refusal_of(sampler).failure is Failure.RETRYABLE
    sampler.close()


@pytest.mark.parametrize("flood", [Answers(times=3), Chatter()], ids=["samples", "garbage"])
def test_more_than_was_asked_for_ends_it(flood: Callable[[bytes], bytes]) -> None:
    with playing(Played(flood)) as sampler:
        error = refusal_of(sampler)

    assert error.failure is Failure.TERMINAL
    assert "more than it was asked for" in error.message


def test_a_reader_that_waits_is_woken_when_it_is_closed() -> None:
    pipe = Played(lambda content: b"")
    sampler = playing(pipe)
    threading.Timer(0.1, sampler.close).start()
    begun = time.monotonic()

    error = refusal_of(sampler)

    assert "closed" in error.message
    assert time.monotonic() - begun < 1.5


def test_a_sampler_leaves_no_thread_and_no_descriptor() -> None:
    def left() -> tuple[list[str], int]:
        names = [thread.name for thread in threading.enumerate() if thread.name.startswith("sampler")]
        return names, len(os.listdir("/proc/self/fd"))

    before = left()
    for _ in range(3):
        with open_sampler(here()) as sampler:
            sampler.read()

    assert left() == before
