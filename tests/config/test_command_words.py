"""A command's text becomes the words that Compose makes of it."""

import re

import pytest

from ozwald.config.command_words import command_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ()),
        ("  ", ()),
        ("serve  --port\t8000\n", ("serve", "--port", "8000")),
        ("a 'b c' \"d e\" ''", ("a", "b c", "d e", "")),
        ("a'b'\"c\"d", ("abcd",)),
        ("'it'\"'\"'s'", ("it's",)),
        (r"a\ b \"c \\", ("a b", '"c', "\\")),
        (r'''"a\"b" 'c\' "\d+"''', ('a"b', "c\\", "d+")),
        ("--x='{\"a\": 1}' # no comment", ('--x={"a": 1}', "#", "no", "comment")),
        ("$HOME ${X} $(a b) `c \"d\"` e", ("$HOME", "${X}", "$(a b)", "`c d`", "e")),
        ("~ *.py [a] {b} !", ("~", "*.py", "[a]", "{b}", "!")),
    ],
)  # fmt: skip
def test_text_is_split_into_words(text: str, words: tuple[str, ...]) -> None:
    assert command_words(text) == words


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a && b", "'&' outside quotes is for a shell"),
        ("a; b", "';' outside quotes is for a shell"),
        ("a 2>&1", "'>' outside quotes is for a shell"),
        ("--url http://x?a=1&b=2", "quote it"),
        ("a (b)", "a bracket outside quotes"),
        ("a $(b", "a bracket outside quotes"),
        ("a 'b", "a quote is opened and never closed"),
        ('a "b', "a quote is opened and never closed"),
        ("a `b", "a quote is opened and never closed"),
        ("a \\", "a backslash ends the text"),
    ],
)
def test_what_only_a_shell_could_do_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        command_words(text)
