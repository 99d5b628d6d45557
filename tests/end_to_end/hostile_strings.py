"""Strings that somebody's shell, parser or terminal has once taken for something else, each by its number."""

import random
import string

_PIECES = (
    *"'\"`\\$;&|<>(){}[]*?~!#%^=+,:@/ \t\n\r",
    "$(touch /tmp/pwned)",
    "`id`",
    "${HOME}",
    "$$",
    "\\n",
    "\\x00",
    "%s%n",
    "--privileged",
    "-v",
    "&&",
    "||",
    ">/tmp/pwned",
    "\r\n",
    "\x1b[2J",
    "\x07",
    "\x7f",
    "\x01",
    "\x1f",
    "\u0085",
    "\u2028",
    "\u202e",
    "\u200b",
    "\ufeff",
    "\ufffd",
    "é",
    "e\u0301",
    "日本",
    "🦙",
    "\U0010ffff",
    "..",
    "../..",
    "~root",
    "null",
    "no",
    "1e3",
    "0x1f",
    "{{x}}",
    "<<: *a",
    "!!python/object",
    "'; DROP TABLE",
    "\\u0000",
    "http://[::1]/",
)
# What no container can be given.
_REFUSED = ("\0", "\ud800", "\udcff")


def hostile_string(number: int) -> str:
    """The string of this number: some pieces with letters between; about one in forty can reach no container."""
    dice = random.Random(number)
    pieces = _PIECES if dice.random() > 1 / 40 else (*_PIECES[:5], *_REFUSED)
    parts = [
        dice.choice(pieces)
        if dice.random() < 0.7
        else "".join(dice.choices(string.ascii_letters, k=dice.randint(1, 6)))
        for _ in range(dice.randint(1, 12))
    ]
    return "".join(parts) * (dice.randint(20, 60) if dice.random() < 0.01 else 1)
