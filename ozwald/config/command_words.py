"""Splits a command's text into words by Compose's rules, which are not quite a shell's."""

import re

# A backslash takes the next character as it is, inside double quotes too; $(…) and `…` stay, whole and unread.
_PIECE = re.compile(
    r"""
    (?P<blank>  [ \t\r\n]+ )
  | (?P<escape> \\(?P<escaped>.) )
  | (?P<single> '(?P<literal>[^']*)' )
  | (?P<double> "(?P<quoted>(?:[^"\\]++|\\.)*+)" )
  | (?P<call>   `[^`]*` | \$\([^()]*\) )
  | (?P<plain>  (?: [^ \t\r\n\\'"`;&|<>()$]++ | \$(?!\() )++ )
    """,
    re.VERBOSE | re.DOTALL,
)
_OPERATORS = ";&|<>"
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPE_OR_QUOTE = re.compile(r"\\(.)|['\"]", re.DOTALL)


def command_words(text: str) -> tuple[str, ...]:
    """The words of a command; raises ValueError with what is wrong."""
    words: list[list[str]] = []
    inside, at = False, 0
    while at < len(text):
        piece = _PIECE.match(text, at)
        if not piece:
            raise ValueError(_wrong(text[at]))
        at = piece.end()
        if piece["blank"]:
            inside = False
        elif inside:
            words[-1].append(_value(piece))
        else:
            inside = True
            words.append([_value(piece)])
    return tuple("".join(parts) for parts in words)


def _value(piece: re.Match[str]) -> str:
    if piece["single"]:
        return piece["literal"]
    if piece["double"]:
        return _ESCAPE.sub(r"\1", piece["quoted"])
    if piece["call"]:
        return (_ESCAPE_OR_QUOTE if piece[0][0] == "`" else _ESCAPE).sub(r"\1", piece["call"])
    return piece["escaped"] or piece["plain"]


def _wrong(character: str) -> str:
    if character in _OPERATORS:
        return (
            f"{character!r} outside quotes is for a shell, and there is none: quote it, or write a list such as "
            "[sh, -c, 'first && second']"
        )
    if character in "$()":
        return "a bracket outside quotes is for a shell, and there is none: quote it"
    return "a quote is opened and never closed, or a backslash ends the text"
