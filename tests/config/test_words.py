"""Words are split as by shlex, in time that grows with the text alone."""

import random
import shlex
import time

import pytest

from ozwald.config.words import split_words


def split_by_shlex(text: str, *, comments: bool) -> list[str] | None:
    try:
        return shlex.split(text, comments=comments)
    except ValueError:
        return None


def split_by_us(text: str, *, comments: bool) -> list[str] | None:
    try:
        return split_words(text, comments=comments)
    except ValueError:
        return None


@pytest.mark.parametrize("comments", [False, True])
def test_random_texts_are_split_as_by_shlex(comments: bool) -> None:
    chance = random.Random(0)
    for _ in range(20_000):
        text = "".join(chance.choices("ab '\"\\#\n\t\r\u2028é", k=chance.randint(0, 12)))
        assert split_by_us(text, comments=comments) == split_by_shlex(text, comments=comments), repr(text)


@pytest.mark.parametrize("part", ["a", "a ", "\\a", "'a'", '"\\""', "#"])
def test_a_long_line_takes_no_time(part: str) -> None:
    began = time.process_time()
    split_words(part * 50_000)
    assert time.process_time() - began < 0.25
