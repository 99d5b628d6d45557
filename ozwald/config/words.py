"""Splits text into words as a shell does, in time that grows with the text alone.

`shlex` copies a word for each of its characters: one long line takes it minutes.
"""

import re

_PIECE = r"""(?P<gap>[ \t\r\n]+{gap})
           | (?P<plain>[^ \t\r\n'"\\{plain}]+)
           | '(?P<single>[^']*)'
           | "(?P<double>(?:[^"\\]++|\\.)*+)"
           | \\(?P<escaped>.)
           | (?P<unclosed>['"\\])"""
_WITHOUT_COMMENTS = re.compile(_PIECE.format(gap="", plain=""), re.DOTALL | re.VERBOSE)
_WITH_COMMENTS = re.compile(_PIECE.format(gap=r"|\#[^\n]*", plain="#"), re.DOTALL | re.VERBOSE)
_ESCAPED = re.compile(r'\\(["\\])')


def split_words(text: str, *, comments: bool = False) -> list[str]:
    """The words of a text as `shlex.split` gives them; a `#` begins a comment or is a letter.

    Raises ValueError for a quote that is never closed and a backslash at the end.
    """
    words: list[str] = []
    word: list[str] = []
    for piece in (_WITH_COMMENTS if comments else _WITHOUT_COMMENTS).finditer(text):
        if piece["unclosed"]:
            raise ValueError("a quote is opened and never closed, or a backslash ends the text")
        if piece["gap"] is None:
            word.append(_written(piece))
        elif word:
            words.append("".join(word))
            word = []
    return [*words, "".join(word)] if word else words


def _written(piece: re.Match[str]) -> str:
    if piece.lastgroup == "double":
        return _ESCAPED.sub(r"\1", piece["double"])
    return piece[piece.lastgroup or 0]
