"""Equal questions that are asked together get one answer."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Self

import pytest

from ozwald.remote.together import Together

ASKERS = 8


class Slow:
    """Answers with how often it was asked, and not before it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def answer(self) -> int:
        self.asked += 1
        self.begun.set()
        assert self.go_on.wait(10.0)
        return self.asked

    def fail(self) -> int:
        self.answer()
        raise ValueError("no")


class Question(str):
    """A question that tells when it is looked up."""

    looked_up: threading.Semaphore

    def __new__(cls, text: str) -> Self:
        new = super().__new__(cls, text)
        new.looked_up = threading.Semaphore(0)
        return new

    def __hash__(self) -> int:
        self.looked_up.release()
        return super().__hash__()


def test_who_asks_while_the_question_is_under_way_gets_its_answer() -> None:
    together, slow = Together(), Slow()
    again = Question("size")

    with ThreadPoolExecutor(ASKERS + 1) as pool:
        first = pool.submit(together.ask, "size", slow.answer)
        assert slow.begun.wait(10.0)
        others = [pool.submit(together.ask, again, slow.answer) for _ in range(ASKERS)]
        for _ in others:
            assert again.looked_up.acquire(timeout=10.0)
        slow.go_on.set()

    assert [asked.result() for asked in (first, *others)] == [1] * (1 + ASKERS)


def test_an_answer_is_not_remembered() -> None:
    together, answers = Together(), iter(("old", "new"))

    assert [together.ask("size", lambda: next(answers)) for _ in range(2)] == ["old", "new"]


def test_other_questions_do_not_wait() -> None:
    together, slow = Together(), Slow()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(together.ask, "size", slow.answer)
        assert slow.begun.wait(10.0)
        try:
            assert together.ask("age", lambda: 7) == 7
        finally:
            slow.go_on.set()


def test_a_failure_is_everybodys_and_the_next_one_asks_anew() -> None:
    together, slow = Together(), Slow()
    slow.go_on.set()

    with pytest.raises(ValueError, match="no"):
        together.ask("size", slow.fail)
    assert together.ask("size", lambda: 7) == 7
